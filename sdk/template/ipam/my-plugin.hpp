#pragma once
/// Provides weft.ipam/2 from one configured range.

#include <optional>
#include <vector>

#include <weft/plugin.hpp>
#include <weft/service/ipam.hpp>
#include <weft/service/store.hpp>

#include "pool.hpp"

namespace my_plugin {

/// Every change is in the node's store before it is answered, so that no restart gives an address
/// twice. Requests that come before the stored state is read wait for it.
class MyPlugin final : public weft::Plugin, public weft::Ipam {
 public:
  explicit MyPlugin(weft::Host& host) : host_(host) {}

  void describe(weft::Schema& schema) override;
  weft::Result<> validate() override;
  weft::Result<> start() override;
  void stop() noexcept override;

  void allocate(weft::AddressOwner owner, std::vector<weft::net::Cidr> subnets,
                weft::Reply<std::vector<weft::AllocatedAddress>> reply) override;
  void claim(weft::AddressOwner owner, weft::net::Cidr address, weft::Reply<> reply) override;
  void release(weft::AddressOwner owner, weft::Reply<> reply) override;
  void release_addresses(weft::AddressOwner owner, std::vector<weft::net::IpAddress> addresses,
                         weft::Reply<> reply) override;
  void lookup(weft::AddressOwner owner, weft::Reply<std::vector<weft::net::Cidr>> reply) override;

 private:
  void load();
  /// Runs `task` on the loop once the stored state is there.
  void when_ready(weft::Task task);
  /// Stores the pool, then runs `done`, or passes the error on.
  void save(weft::UniqueFunction<void(weft::Result<>)> done);

  weft::Host& host_;  // outlives every plugin
  weft::net::Cidr range_{weft::net::IpAddress::v4(0x0A200000), 24};
  weft::Store* store_ = nullptr;
  std::optional<Pool> pool_;
  bool is_ready_ = false;
  std::vector<weft::Task> waiting_;
};

}  // namespace my_plugin
