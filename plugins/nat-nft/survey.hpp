#pragma once
/// One look at all packet filters of the host, which mends what its tools can mend.

#include <string>
#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "drops.hpp"
#include "traffic.hpp"

namespace weft::nat {

/// A base chain of another program.
struct HookedChain {
  std::string table;
  firewall::BaseChain base;
};

struct Survey {
  Scene scene;
  std::vector<Finding> findings;
  std::vector<HookedChain> chains;  ///< by priority
  bool has_asked_firewalld = false;
  std::vector<std::string> done = {};     ///< what was changed, one sentence each
  std::vector<std::string> unknown = {};  ///< what could not be looked at or changed, and why
};

/// What a look needs. Owned by whoever looks; one look at a time.
struct SurveySockets {
  nl::Socket netfilter;
  nl::Socket route;
};

/// In the network namespace of the calling thread, which is that of the sockets. `may_ask`: run
/// firewall-cmd if firewalld drops pods' traffic. Takes milliseconds to seconds: for threads that
/// may block. Errors: the kernel's.
[[nodiscard]] Result<Survey> survey(SurveySockets& sockets, const std::string& bridge,
                                    const std::vector<net::Cidr>& networks, bool may_ask);

}  // namespace weft::nat
