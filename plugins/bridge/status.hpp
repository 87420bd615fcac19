#pragma once
/// The answer of bridge.status.

#include <string>
#include <vector>

#include <weft/control.hpp>
#include <weft/net/ip.hpp>
#include <weft/netlink/link.hpp>

namespace weft::bridge {

struct Status {
  nl::Link bridge;
  nl::Link port;
  std::vector<net::Cidr> addresses;
  std::size_t queues = 0;
  std::string offloads;
};

[[nodiscard]] std::string to_json(const Status& status);

[[nodiscard]] CommandInfo status_command();

}  // namespace weft::bridge
