/// What every nat must do, seen by the traffic of a pod to the world through a node.

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

#include <fmt/core.h>

#include <weft/netlink/namespace.hpp>
#include <weft/netlink/route.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/service/nat.hpp>

#include "await.hpp"
#include "check.hpp"
#include "network.hpp"
#include "stage.hpp"

namespace weft::conformance {
namespace {

constexpr const char* pod_address = "10.32.0.2";
constexpr const char* node_to_world = "192.0.2.1";
constexpr const char* world_address = "192.0.2.2";

/// pod -- node -- world: the world knows no way back to the pod's network.
struct Street {
  Network world;
  Network pod;
  Network node;
};

Result<Street> build_street() {
  auto world = Network::make();
  auto pod = Network::make();
  auto node = Network::make();
  if (!world || !pod || !node) {
    return fail(EPERM, "make network namespaces");
  }
  WEFT_TRY(nl::write_setting("net/ipv4/ip_forward", "1"));
  WEFT_TRY(lay_wire({*node, "weave", "10.32.0.1/12"}, {*pod, "eth0", "10.32.0.2/12"}));
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  nl::Route route;
  route.destination = {net::IpAddress::v4(0), 0};
  route.gateway = *net::parse_ip("10.32.0.1");
  WEFT_TRY(nl::add_route(*socket, route));
  WEFT_TRY(lay_wire({*node, "uplink", "192.0.2.1/24"}, {*world, "eth0", "192.0.2.2/24"}));
  WEFT_TRY(nl::write_setting("net/ipv4/conf/all/rp_filter", "0"));
  WEFT_TRY(nl::write_setting("net/ipv4/conf/eth0/rp_filter", "0"));
  return Street{*std::move(world), *std::move(pod), *std::move(node)};
}

sockaddr_in endpoint(const char* address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

/// From which address the world sees a datagram of the pod; "nothing" when none arrives.
std::string seen_source(const Street& street) {
  constexpr std::uint16_t port = 9000;
  street.world.enter();
  const UniqueFd listener{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const sockaddr_in here = endpoint(world_address, port);
  street.pod.enter();
  const UniqueFd sender{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
      sendto(sender.get(), "hello", 5, 0, reinterpret_cast<const sockaddr*>(&here), sizeof here) !=
          5) {
    return "nothing";
  }
  pollfd ready{listener.get(), POLLIN, 0};
  sockaddr_in from{};
  socklen_t size = sizeof from;
  std::array<char, 16> data{};
  if (::poll(&ready, 1, 3000) != 1 || recvfrom(listener.get(), data.data(), data.size(), 0,
                                               reinterpret_cast<sockaddr*>(&from), &size) < 0) {
    return "nothing";
  }
  std::array<char, INET_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET, &from.sin_addr, text.data(), text.size());
}

/// Nothing, or what is wrong with the source that the world sees.
std::optional<Outcome> expect_source(const Street& street, const char* expected, const char* when) {
  const std::string seen = seen_source(street);
  if (seen == expected) {
    return std::nullopt;
  }
  return failed(fmt::format("{} the world sees {} from the pod, not {}", when, seen, expected),
                "translate the source of what leaves the network, and only while asked to; a "
                "provider that means to leave addresses alone is checked with --no-masquerade");
}

}  // namespace

Outcome check_nat(const Subject& subject) {
  if (!provides(subject, Nat::service)) {
    return skipped("it provides no weft.nat/1");
  }
  const auto street = build_street();
  if (!street) {
    return skipped(street.error().message());
  }
  street->node.enter();
  const TemporaryDirectory directory;
  auto trial = start_trial(subject, directory.path());
  if (!trial) {
    return trial.error();
  }
  const auto nat = (*trial)->services().require<Nat>();
  if (!nat) {
    return failed(nat.error().message(), "call host.services().provide<Nat>() in start()");
  }
  const net::Cidr network = *net::parse_cidr("10.32.0.0/12");
  const char* const translated = subject.masquerades ? node_to_world : pod_address;
  const auto ask = [&](void (Nat::*request)(net::Cidr, Reply<>)) {
    return await<void>(**trial,
                       [&](Reply<> reply) { ((*nat)->*request)(network, std::move(reply)); });
  };
  const std::array<std::tuple<decltype(&Nat::masquerade), const char*, const char*>, 4> steps{
      {{&Nat::masquerade, translated, "after masquerade"},
       {&Nat::masquerade, translated, "after a second masquerade"},
       {&Nat::stop_masquerade, pod_address, "after stop_masquerade"},
       {&Nat::masquerade, translated, "after masquerade again"}}};
  for (const auto& [request, expected, when] : steps) {
    if (const auto done = ask(request); !done) {
      return failed(fmt::format("{}: {}", when, done.error().message()),
                    "masquerade and stop_masquerade are idempotent");
    }
    if (const auto finding = expect_source(*street, expected, when)) {
      return *finding;
    }
  }
  return passed(subject.masquerades ? "in force with traffic, repeatable, undone on request"
                                    : "leaves addresses alone, as --no-masquerade says");
}

}  // namespace weft::conformance
