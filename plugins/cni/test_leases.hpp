#pragma once
/// For tests only: a host whose interfaces a test decides, and an IPAM that remembers.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weft/service/ipam.hpp>

#include "host_ports.hpp"

namespace weft::cni {

class FakeProbe final : public HostProbe {
 public:
  Result<HostPorts> look() override {
    ++looks;
    if (is_failing) {
      return fail(EPERM, "list interfaces");
    }
    return ports;
  }
  Result<std::set<net::IpAddress>> addresses() override { return used; }
  std::optional<bool> is_busy(const AttachmentId& attachment) override {
    return busy.contains(attachment.container_id) ? std::optional(true) : busy_otherwise;
  }

  HostPorts ports;
  std::set<net::IpAddress> used;
  std::set<std::string> busy;
  std::optional<bool> busy_otherwise = false;
  bool is_failing = false;
  int looks = 0;
};

class FakeIpam final : public Ipam {
 public:
  void allocate(AddressOwner owner, std::vector<net::Cidr> subnets,
                Reply<std::vector<AllocatedAddress>> reply) override {
    if (failing == owner) {
      reply(fail(Errc::timeout, "allocate: no space"));
      return;
    }
    if (is_exhausted && !held.contains(owner)) {
      waiting.emplace_back(owner, std::move(reply));
      return;
    }
    if (subnets.empty()) {
      subnets = default_subnets;
    }
    const auto offset = static_cast<std::uint32_t>(held.size());
    std::vector<AllocatedAddress> allocated;
    for (net::Cidr& subnet : subnets) {
      if (!subnet.address.is_v4()) {
        subnet.address.octets[15] = std::byte(offset);
        allocated.push_back({subnet, false});
        continue;
      }
      const auto [given, is_new] = held.try_emplace(
          owner,
          net::Cidr{net::IpAddress::v4(subnet.address.v4_value() + offset), subnet.prefix_length});
      allocated.push_back({given->second, !is_new});
    }
    reply(std::move(allocated));
  }
  void claim(AddressOwner, net::Cidr, Reply<> reply) override { reply({}); }
  void release(AddressOwner owner, Reply<> reply) override {
    if (is_failing) {
      reply(fail(EIO, "release"));
      return;
    }
    held.erase(owner);
    reply({});
  }
  void release_addresses(AddressOwner owner, std::vector<net::IpAddress> addresses,
                         Reply<> reply) override {
    const auto found = held.find(owner);
    if (found != held.end() &&
        std::ranges::find(addresses, found->second.address) != addresses.end()) {
      held.erase(found);
    }
    std::erase_if(waiting, [&](auto& each) { return each.first == owner; });
    reply({});
  }
  void lookup(AddressOwner owner, Reply<std::vector<net::Cidr>> reply) override {
    const auto found = held.find(owner);
    reply(found == held.end() ? std::vector<net::Cidr>{} : std::vector{found->second});
  }

  std::vector<net::Cidr> default_subnets{{net::IpAddress::v4(0x0A200000), 12}};
  std::map<AddressOwner, net::Cidr> held;  ///< IPv4; who has which IPv6 address is not remembered
  std::vector<std::pair<AddressOwner, Reply<std::vector<AllocatedAddress>>>> waiting;
  AddressOwner failing;
  bool is_failing = false;
  bool is_exhausted = false;
};

}  // namespace weft::cni
