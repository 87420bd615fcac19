/// Starts and stops simulated nodes.

#include "cluster.hpp"

#include <fmt/core.h>

#include "gossip/gossip.hpp"
#include "ipam/ipam_plugin.hpp"

namespace weft::sim {
namespace {

constexpr std::uint64_t first_name = 0x020000000000;

}  // namespace

Node::Node(testing::SimWorld& world, std::size_t index)
    : world_(world), address_(world.network().next_address()) {
  info_.name = PeerName{first_name + index + 1};
  info_.nickname = fmt::format("node{}", index + 1);
  info_.listen = {address_, 6783};
}

void Node::start(const std::vector<std::string>& peers, bool discovers, std::size_t electors) {
  host_ = std::make_unique<testing::FakeHost>(world_, info_, std::vector{address_}, disk_);
  overlays_ = std::make_unique<testing::SimOverlaySwitch>();
  WEFT_CHECK(host_->services().provide<OverlaySwitch>(*overlays_), "the switch is provided once");
  host_->start<gossip::Gossip>("gossip", {{"peers", peers}, {"discovery", discovers}});
  host_->start<ipam::IpamPlugin>("ipam", {{"range", std::string("10.32.0.0/12")},
                                          {"init", fmt::format("consensus={}", electors)},
                                          {"allocate-timeout", std::string("5m")}});
  mesh_ = host_->services().optional<Mesh>();
  ipam_ = host_->services().optional<Ipam>();
}

void Node::stop() {
  mesh_ = nullptr;
  ipam_ = nullptr;
  host_.reset();
  overlays_.reset();
}

void AddressBook::given(const net::Cidr& address, const std::string& owner,
                        Violations& violations) {
  const auto [place, is_new] = owners_.emplace(address.address, owner);
  if (!is_new && place->second != owner) {
    violations.push_back(fmt::format("address {} was given to {} while {} holds it",
                                     net::to_string(address.address), owner, place->second));
  }
}

void AddressBook::released(const std::string& owner) {
  std::erase_if(owners_, [&owner](const auto& entry) { return entry.second == owner; });
}

}  // namespace weft::sim
