/// Says in the log who came and who went.

#include "my-plugin.hpp"

namespace my_plugin {

MyPlugin::MyPlugin(weft::Host& host)
    : host_(host), seen_(host.metrics().counter("my_plugin_peers_total", "Peers that came up.")) {}

void MyPlugin::describe(weft::Schema& schema) {
  schema.field("greeting", greeting_, "What is said to a peer that comes up.");
}

weft::Result<> MyPlugin::start() {
  // A state topic: peers that are up already are delivered first.
  up_ = host_.bus().subscribe<weft::events::PeerUp>([this](const auto& peer) { on_up(peer); });
  down_ =
      host_.bus().subscribe<weft::events::PeerDown>([this](const auto& peer) { on_down(peer); });
  return {};
}

void MyPlugin::stop() noexcept {
  up_ = {};
  down_ = {};
}

void MyPlugin::on_up(const weft::events::PeerUp& peer) {
  if (!present_.insert(peer.name).second) {
    return;  // it was up before: its nickname or its short id is another now
  }
  seen_.add();
  host_.log().info(greeting_, "peer", peer.nickname, "name", peer.name);
}

void MyPlugin::on_down(const weft::events::PeerDown& peer) {
  present_.erase(peer.name);
  host_.log().info("goodbye", "peer", peer.nickname);
}

}  // namespace my_plugin
