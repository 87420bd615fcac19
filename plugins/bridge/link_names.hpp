#pragma once
/// The names of weft's own links, which nothing else may have.

#include <string_view>

#include <weft/netlink/link.hpp>
#include <weft/result.hpp>

namespace weft::bridge {

/// Errors: Errc::invalid for a bridge named as weft's own links or as pods' ports are.
[[nodiscard]] Result<> validate_bridge_name(std::string_view name);

/// Errors: Errc::conflict when `found`, whose name `use` needs, is not of the kind `kind`. The
/// error says of what kind it is and what to do. `use`: "the router's port".
[[nodiscard]] Result<> want_kind(const nl::Link& found, std::string_view kind,
                                 std::string_view use);

}  // namespace weft::bridge
