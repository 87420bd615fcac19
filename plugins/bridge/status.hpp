#pragma once
/// The answers of bridge.status and report.Router.bridge.

#include <string>
#include <string_view>
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

/// Who takes frames from the bridge, for `weft report`: the tap `port`.
[[nodiscard]] std::string report_json(std::string_view port);
[[nodiscard]] std::vector<AnswerField> report_fields();

}  // namespace weft::bridge
