/// Gives everyone the same address.

#include <weft/service/ipam.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal, private Ipam {
 public:
  using Animal::Animal;
  Result<> start() override { return host_.services().provide<Ipam>(*this); }

 private:
  void allocate(AddressOwner, std::vector<net::Cidr>,
                Reply<std::vector<AllocatedAddress>> reply) override {
    reply(std::vector{AllocatedAddress{{net::IpAddress::v4(0x0A200001), 12}, false}});
  }
  void claim(AddressOwner, net::Cidr, Reply<> reply) override { reply({}); }
  void release(AddressOwner, Reply<> reply) override { reply({}); }
  void release_addresses(AddressOwner, std::vector<net::IpAddress>, Reply<> reply) override {
    reply({});
  }
  void lookup(AddressOwner, Reply<std::vector<net::Cidr>> reply) override {
    reply(std::vector<net::Cidr>{});
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
