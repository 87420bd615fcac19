/// Wires the pool to the store and to whoever asks.

#include "my-plugin.hpp"

#include <utility>

#include <fmt/core.h>

#include <weft/events/address.hpp>

namespace my_plugin {
namespace {

constexpr const char* store_key = "my-plugin/pool";

}  // namespace

void MyPlugin::describe(weft::Schema& schema) {
  schema.field("range", range_, "The IPv4 range of this node; no other node may use it.");
}

weft::Result<> MyPlugin::validate() {
  if (!range_.address.is_v4() || range_.prefix_length < 8 || range_.prefix_length > 30) {
    return weft::fail(weft::Errc::invalid,
                      fmt::format("use range = \"{}\": want an IPv4 network with a prefix length "
                                  "of 8 to 30",
                                  weft::net::to_string(range_)));
  }
  return {};
}

weft::Result<> MyPlugin::start() {
  WEFT_TRY(store_, host_.services().require<weft::Store>());
  pool_.emplace(range_);
  load();
  host_.bus().publish(weft::events::LocalRangesChanged{{range_.network()}});
  return host_.services().provide<weft::Ipam>(*this);
}

void MyPlugin::stop() noexcept {
  waiting_.clear();  // their replies answer Errc::abandoned
}

void MyPlugin::load() {
  store_->get(store_key, weft::Reply<std::optional<weft::Bytes>>(
                             host_.loop(), [this](weft::Result<std::optional<weft::Bytes>> value) {
                               auto loaded =
                                   value ? weft::Result<>() : tl::unexpected(value.error());
                               if (value && *value) {
                                 loaded = pool_->load(weft::as_text(**value));
                               }
                               if (!loaded) {
                                 host_.fail(loaded.error());  // to go on would give addresses twice
                                 return;
                               }
                               is_ready_ = true;
                               for (weft::Task& task : std::exchange(waiting_, {})) {
                                 task();
                               }
                             }));
}

void MyPlugin::when_ready(weft::Task task) {
  host_.loop().post([this, task = std::move(task)]() mutable {
    if (is_ready_) {
      task();
    } else {
      waiting_.push_back(std::move(task));
    }
  });
}

void MyPlugin::save(weft::UniqueFunction<void(weft::Result<>)> done) {
  const std::string text = pool_->save();
  const weft::ByteView octets = weft::as_bytes(text);
  store_->put({{store_key, {octets.begin(), octets.end()}}},
              weft::Reply<>(host_.loop(), std::move(done)));
}

void MyPlugin::allocate(weft::AddressOwner owner, std::vector<weft::net::Cidr> subnets,
                        weft::Reply<std::vector<weft::AllocatedAddress>> reply) {
  when_ready([this, owner = std::move(owner), subnets = std::move(subnets),
              reply = std::move(reply)]() mutable {
    for (const weft::net::Cidr& subnet : subnets) {
      if (subnet != range_ || subnets.size() > 1) {
        reply(weft::fail(weft::Errc::invalid,
                         fmt::format("allocate in {}: this node has {}",
                                     weft::net::to_string(subnet), weft::net::to_string(range_))));
        return;
      }
    }
    const auto allocated = pool_->allocate(owner);
    if (!allocated) {
      reply(tl::unexpected(allocated.error()));
      return;
    }
    save([allocated = *allocated, reply = std::move(reply)](weft::Result<> saved) mutable {
      reply(saved.map([&] { return std::vector{allocated}; }));
    });
  });
}

void MyPlugin::claim(weft::AddressOwner owner, weft::net::Cidr address, weft::Reply<> reply) {
  when_ready([this, owner = std::move(owner), address, reply = std::move(reply)]() mutable {
    if (auto claimed = pool_->claim(owner, address); !claimed) {
      reply(std::move(claimed));
      return;
    }
    save([reply = std::move(reply)](weft::Result<> saved) mutable { reply(std::move(saved)); });
  });
}

void MyPlugin::release(weft::AddressOwner owner, weft::Reply<> reply) {
  when_ready([this, owner = std::move(owner), reply = std::move(reply)]() mutable {
    pool_->release(owner);
    save([reply = std::move(reply)](weft::Result<> saved) mutable { reply(std::move(saved)); });
  });
}

void MyPlugin::release_addresses(weft::AddressOwner owner,
                                 std::vector<weft::net::IpAddress> addresses, weft::Reply<> reply) {
  when_ready([this, owner = std::move(owner), addresses = std::move(addresses),
              reply = std::move(reply)]() mutable {
    pool_->release(owner, addresses);
    save([reply = std::move(reply)](weft::Result<> saved) mutable { reply(std::move(saved)); });
  });
}

void MyPlugin::lookup(weft::AddressOwner owner, weft::Reply<std::vector<weft::net::Cidr>> reply) {
  when_ready([this, owner = std::move(owner), reply = std::move(reply)]() mutable {
    reply(pool_->lookup(owner));
  });
}

}  // namespace my_plugin
