/// Keeps its subscription after stop.

#include <weft/events/peer.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    peers_ = host_.bus().subscribe<events::PeerUp>([](const events::PeerUp&) {});
    return {};
  }

 private:
  Subscription peers_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
