/// Gives everyone the same address.

#include <weft/service/ipam.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal, private Ipam {
 public:
  using Animal::Animal;
  Result<> start() override { return host_.services().provide<Ipam>(*this); }

 private:
  void allocate(AddressOwner, std::optional<net::Cidr>, Reply<net::Cidr> reply) override {
    reply(net::Cidr{net::IpAddress::v4(0x0A200001), 12});
  }
  void claim(AddressOwner, net::Cidr, Reply<> reply) override { reply({}); }
  void release(AddressOwner, Reply<> reply) override { reply({}); }
  void lookup(AddressOwner, Reply<std::vector<net::Cidr>> reply) override {
    reply(std::vector<net::Cidr>{});
  }
  void take_over(PeerName, Reply<std::uint64_t> reply) override { reply(std::uint64_t{0}); }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
