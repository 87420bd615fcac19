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

  Result<net::Cidr> allocate(const std::string& owner, std::optional<net::Cidr> subnet = {}) {
    return await<net::Cidr>(trial_, [this, owner, subnet](Reply<net::Cidr> reply) {
      ipam_.allocate(owner, subnet, std::move(reply));
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
    const auto address = client.allocate(owner(i));
    if (!address) {
      return failed(fmt::format("allocation {} of {}: {}", i + 1, many, address.error().message()),
                    "give the kit a range of at least 2048 addresses with --config");
    }
    if (!given.insert(address->address).second) {
      return failed(fmt::format("it gives {} twice", to_string(*address)),
                    "mark an address as taken before the reply");
    }
  }
  return std::nullopt;
}

Finding repeats_itself(Client& client) {
  const auto held = client.lookup(owner(0));
  const auto again = client.allocate(owner(0));
  if (!held || held->size() != 1 || !again || *again != held->front()) {
    return failed("allocating again for the same owner does not answer what lookup says it holds",
                  "answer the address that the owner already has: callers retry");
  }
  return std::nullopt;
}

Finding refuses_conflicts(Client& client) {
  const auto held = client.lookup(owner(1));
  const auto claimed =
      held && held->size() == 1 ? client.claim("somebody-else", held->front()) : Result<>();
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

/// In a subnet of 16 addresses around one that is known to be in the range.
Finding ends_when_full(Client& client) {
  const auto known = client.lookup(owner(many - 1));
  if (!known || known->empty()) {
    return failed("lookup does not know what was allocated", "answer what the owner holds");
  }
  const net::Cidr subnet = net::Cidr{known->front().address, 28}.network();
  std::set<net::IpAddress> given;
  for (unsigned i = 0; i < 17; ++i) {
    const auto address = client.allocate(fmt::format("small{}", i), subnet);
    if (!address && address.error().context.find("get an answer within") == 0) {
      return failed("with no address left it does not answer within 40 s",
                    "answer Errc::timeout or Errc::pool_exhausted; set the limit with --config");
    }
    if (!address) {
      return std::nullopt;
    }
    if (!given.insert(address->address).second || !subnet.contains(address->address)) {
      return failed(fmt::format("from {} it gives {}, twice or from outside", to_string(subnet),
                                to_string(*address)),
                    "never give what is taken, nor from another subnet");
    }
  }
  return failed(fmt::format("it gives 17 addresses from {}", to_string(subnet)),
                "answer an error when a subnet is used up");
}

}  // namespace

Outcome check_ipam(const Subject& subject) {
  if (!provides(subject, Ipam::service)) {
    return skipped("it provides no weft.ipam/1");
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
  for (const auto step :
       {&gives_distinct_addresses, &repeats_itself, &refuses_conflicts, &frees, &ends_when_full}) {
    if (const Finding finding = step(client)) {
      return *finding;
    }
  }
  return passed(
      fmt::format("{} distinct addresses, repeats, conflicts, release, exhaustion", many));
}

}  // namespace weft::conformance
