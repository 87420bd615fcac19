/// Says that it masquerades, and leaves addresses alone.

#include <weft/service/nat.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal, private Nat {
 public:
  using Animal::Animal;
  Result<> start() override { return host_.services().provide<Nat>(*this); }

 private:
  void masquerade(net::Cidr /*network*/, Reply<> reply) override { reply({}); }
  void stop_masquerade(net::Cidr /*network*/, Reply<> reply) override { reply({}); }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
