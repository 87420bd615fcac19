#pragma once
/// Follows what the mesh says about peers.

#include <set>
#include <string>

#include <weft/events/peer.hpp>
#include <weft/plugin.hpp>

namespace my_plugin {

/// Everything here runs on the plugin's own loop: no locks are needed.
class MyPlugin final : public weft::Plugin {
 public:
  explicit MyPlugin(weft::Host& host);

  void describe(weft::Schema& schema) override;
  weft::Result<> start() override;
  void stop() noexcept override;

 private:
  void on_up(const weft::events::PeerUp& peer);
  void on_down(const weft::events::PeerDown& peer);

  weft::Host& host_;  // outlives every plugin
  std::string greeting_ = "hello";
  weft::Counter& seen_;
  std::set<weft::PeerName> present_;
  weft::Subscription up_;  // subscriptions last: gone before anything their handlers use
  weft::Subscription down_;
};

}  // namespace my_plugin
