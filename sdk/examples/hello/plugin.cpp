/// Greets every new peer in the log. The smallest complete plugin: copy this directory to start
/// one.

#include <string>

#include <weft/events/peer.hpp>
#include <weft/plugin.hpp>

namespace weft::hello {

struct Config {
  std::string greeting = "hello";
};

class Hello final : public Plugin {
 public:
  explicit Hello(Host& host) : host_(host) {}

  void describe(Schema& schema) override {
    schema.field("greeting", config_.greeting, "Word logged before the peer's nickname.");
  }

  Result<> start() override {
    peers_ = host_.bus().subscribe<events::PeerUp>([this](const auto& peer) { greet(peer); });
    return {};
  }

  void stop() noexcept override { peers_ = {}; }

 private:
  void greet(const events::PeerUp& peer) {
    host_.log().info(config_.greeting, "peer", peer.nickname, "name", peer.name);
  }

  Host& host_;  // outlives every plugin
  Config config_;
  Subscription peers_;  // last: gone before anything its callback uses
};

}  // namespace weft::hello

WEFT_PLUGIN(weft::hello::Hello)
