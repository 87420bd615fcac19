#pragma once
/// The control commands `mesh.*`: what they take and answer.

#include <string>
#include <vector>

#include <weft/control.hpp>

namespace weft::gossip {

struct ConnectParameters {
  std::vector<std::string> peers;
  bool replace = false;

  void describe(Schema& schema);
};

struct ForgetParameters {
  std::vector<std::string> peers;

  void describe(Schema& schema);
};

[[nodiscard]] CommandInfo status_command();
[[nodiscard]] CommandInfo router_command();
[[nodiscard]] CommandInfo connections_command();
[[nodiscard]] CommandInfo peers_command();
[[nodiscard]] CommandInfo targets_command();
[[nodiscard]] CommandInfo direct_peers_command();
[[nodiscard]] CommandInfo connect_command();
[[nodiscard]] CommandInfo forget_command();

}  // namespace weft::gossip
