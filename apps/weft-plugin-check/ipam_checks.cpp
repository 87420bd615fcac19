/// What every ipam must do: never give an address twice, and always answer.

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include <weft/service/ipam.hpp>

#include "await.hpp"
#include "check.hpp"
#include "network.hpp"
#include "stage.hpp"

namespace weft::conformance {
namespace {

constexpr unsigned many = 1000;

using Finding = std::optional<Outcome>;

/// The service, as a plugin would use it.
class Client {
 public:
  Client(host::Trial& trial, Ipam& ipam) : trial_(trial), ipam_(ipam) {}

  Result<std::vector<AllocatedAddress>> allocate(const std::string& owner,
                                                 std::vector<net::Cidr> subnets = {}) {
    return await<std::vector<AllocatedAddress>>(trial_, [this, owner, subnets](auto reply) {
      ipam_.allocate(owner, subnets, std::move(reply));
    });
  }
  Result<> claim(const std::string& owner, const net::Cidr& address) {
    return await<void>(trial_, [this, owner, address](Reply<> reply) {
      ipam_.claim(owner, address, std::move(reply));
    });
  }
  Result<> release(const std::string& owner) {
    return await<void>(trial_,
                       [this, owner](Reply<> reply) { ipam_.release(owner, std::move(reply)); });
  }
  Result<> release_addresses(const std::string& owner, std::vector<net::IpAddress> addresses) {
    return await<void>(trial_, [this, owner, addresses](Reply<> reply) {
      ipam_.release_addresses(owner, addresses, std::move(reply));
    });
  }
  Result<std::vector<net::Cidr>> lookup(const std::string& owner) {
    return await<std::vector<net::Cidr>>(
        trial_, [this, owner](auto reply) { ipam_.lookup(owner, std::move(reply)); });
  }

 private:
  host::Trial& trial_;
  Ipam& ipam_;
};

std::string owner(unsigned number) {
  return fmt::format("container{}", number);
}

Finding gives_distinct_addresses(Client& client) {
  std::set<net::IpAddress> given;
  for (unsigned i = 0; i < many; ++i) {
    const auto allocated = client.allocate(owner(i));
    if (!allocated) {
      return failed(
          fmt::format("allocation {} of {}: {}", i + 1, many, allocated.error().message()),
          "give the kit a range of at least 2048 addresses with --config");
    }
    if (allocated->empty()) {
      return failed("an allocation succeeds without an address",
                    "answer an error when there is none");
    }
    for (const AllocatedAddress& each : *allocated) {
      if (!given.insert(each.address.address).second) {
        return failed(fmt::format("it gives {} twice", to_string(each.address)),
                      "mark an address as taken before the reply");
      }
      if (each.was_held) {
        return failed(fmt::format("it says that its new owner held {}", to_string(each.address)),
                      "set AllocatedAddress::was_held only for what the owner had before the call");
      }
    }
  }
  return std::nullopt;
}

bool answers_held(const std::vector<AllocatedAddress>& allocated,
                  const std::vector<net::Cidr>& held) {
  return std::ranges::is_permutation(allocated, held, {}, &AllocatedAddress::address) &&
         std::ranges::all_of(allocated, &AllocatedAddress::was_held);
}

Finding repeats_itself(Client& client) {
  const auto held = client.lookup(owner(0));
  const auto again = client.allocate(owner(0));
  if (!held || held->empty() || !again || !answers_held(*again, *held)) {
    return failed("allocating again for the same owner does not answer what lookup says it holds",
                  "answer the addresses that the owner already has, with was_held: callers retry");
  }
  return std::nullopt;
}

Finding refuses_conflicts(Client& client) {
  const auto held = client.lookup(owner(1));
  const auto claimed =
      held && !held->empty() ? client.claim("somebody-else", held->front()) : Result<>();
  if (claimed || claimed.error().code != Errc::conflict) {
    return failed(
        "claiming an address that another owner holds is not refused with "
        "Errc::conflict",
        "name the other owner in the error");
  }
  return std::nullopt;
}

Finding frees(Client& client) {
  const auto freed = client.release(owner(2)).and_then([&] { return client.release(owner(2)); });
  const auto held = client.lookup(owner(2));
  if (!freed || !held || !held->empty()) {
    return failed("an owner still holds addresses after release, or a second release fails",
                  "free everything the owner holds; releasing nothing succeeds");
  }
  return std::nullopt;
}

Finding frees_what_is_named(Client& client) {
  const auto before = client.lookup(owner(3));
  const auto others = client.lookup(owner(4));
  if (!before || before->empty() || !others || others->empty()) {
    return failed("lookup does not know what was allocated", "answer what the owner holds");
  }
  const auto freed =
      client.release_addresses(owner(3), {before->front().address, others->front().address});
  const auto after = client.lookup(owner(3));
  if (!freed || !after || after->size() + 1 != before->size() ||
      client.lookup(owner(4)).value_or(std::vector<net::Cidr>{}) != *others) {
    return failed("release_addresses does not free just what is named and held by the owner",
                  "leave the owner its other addresses, and others theirs");
  }
  return std::nullopt;
}

/// In a subnet of 16 addresses around one that is known to be in the range.
Finding ends_when_full(Client& client) {
  const auto known = client.lookup(owner(many - 1));
  if (!known || known->empty()) {
    return failed("lookup does not know what was allocated", "answer what the owner holds");
  }
  const auto& anchor = known->front().address;
  const net::Cidr subnet =
      net::Cidr{anchor, static_cast<std::uint8_t>(anchor.width() - 4)}.network();
  std::set<net::IpAddress> given;
  for (unsigned i = 0; i < 17; ++i) {
    const auto allocated = client.allocate(fmt::format("small{}", i), {subnet});
    if (!allocated && allocated.error().context.find("get an answer within") == 0) {
      return failed("with no address left it does not answer within 40 s",
                    "answer Errc::timeout or Errc::pool_exhausted; set the limit with --config");
    }
    if (!allocated) {
      return std::nullopt;
    }
    for (const auto& [address, was_held] : *allocated) {
      if (!given.insert(address.address).second || !subnet.contains(address.address)) {
        return failed(fmt::format("from {} it gives {}, twice or from outside", to_string(subnet),
                                  to_string(address)),
                      "never give what is taken, nor from another subnet");
      }
    }
  }
  return failed(fmt::format("it gives 17 addresses from {}", to_string(subnet)),
                "answer an error when a subnet is used up");
}

}  // namespace

Outcome check_ipam(const Subject& subject) {
  if (!provides(subject, Ipam::service)) {
    return skipped("it provides no weft.ipam/2");
  }
  const auto network = Network::make();
  if (!network) {
    return skipped(network.error().message());
  }
  const TemporaryDirectory directory;
  auto trial = start_trial(subject, directory.path());
  if (!trial) {
    return trial.error();
  }
  const auto ipam = (*trial)->services().require<Ipam>();
  if (!ipam) {
    return failed(ipam.error().message(), "call host.services().provide<Ipam>() in start()");
  }
  Client client(**trial, **ipam);
  for (const auto step : {&gives_distinct_addresses, &repeats_itself, &refuses_conflicts, &frees,
                          &frees_what_is_named, &ends_when_full}) {
    if (const Finding finding = step(client)) {
      return *finding;
    }
  }
  return passed(
      fmt::format("{} distinct addresses, repeats, conflicts, release, exhaustion", many));
}

}  // namespace weft::conformance
