#pragma once
/// firewalld, which decides by the zone of the interface that a packet comes in by.

#include <string>

#include <weft/result.hpp>

namespace weft::nat {

/// Puts `bridge` into the zone `trusted`, which accepts what comes from it, until firewalld is
/// started again or reloaded; answers false when the operator has given it a zone already. Runs
/// firewall-cmd: for threads that may block. Errors: those of firewall-cmd.
/// Source: firewalld, doc/xml/firewalld.zones.xml, "trusted".
[[nodiscard]] Result<bool> trust_in_firewalld(const std::string& bridge);

}  // namespace weft::nat
