/// What every overlay must do: carry frames both ways whole, know its MTU, notice a dead path and a
/// peer that is gone, survive garbage, and encrypt or refuse.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <random>

#include <fmt/core.h>

#include <weft/net/headers.hpp>

#include "check.hpp"
#include "lane_watch.hpp"
#include "overlay_pair.hpp"

namespace weft::conformance {
namespace {

using std::chrono::seconds;

/// Ten timeouts: nobody should have to wait longer to learn that a peer is gone.
constexpr Duration patience = 10 * OverlayPair::timeout;

std::optional<Outcome> carry_both_ways(OverlayPair& pair) {
  if (!pair.deliver(pair.a, pair.b, 100) || !pair.deliver(pair.b, pair.a, 100)) {
    return failed("established, it does not carry a frame of 100 bytes whole both ways in 5 s",
                  "hand what arrives to Dataplane::from_overlay, unchanged");
  }
  return std::nullopt;
}

std::optional<Outcome> respect_mtu(OverlayPair& pair) {
  if (!pair.wait([&] { return pair.a.connection->status().mtu != 0; }, seconds{5})) {
    return failed("its status still says mtu 0 after 5 s", "measure or compute the path's MTU");
  }
  const std::size_t mtu = pair.a.connection->status().mtu;
  if (!pair.deliver(pair.a, pair.b, mtu + net::ethernet_header_bytes)) {
    return failed(fmt::format("it says mtu {} and does not carry a packet of that size", mtu),
                  "report as mtu the largest IP packet that fits with all headers");
  }
  static_cast<void>(pair.send(pair.a, pair.b, mtu + net::ethernet_header_bytes + 1));
  static_cast<void>(pair.send(pair.a, pair.b, 9000));
  if (!pair.deliver(pair.a, pair.b, 100)) {
    return failed(fmt::format("after packets larger than its mtu of {} it carries nothing", mtu),
                  "fragment or drop what is too large, and go on");
  }
  return std::nullopt;
}

std::optional<Outcome> survive_garbage(OverlayPair& pair) {
  pair.a.network->enter();
  const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(6783);
  inet_pton(AF_INET, pair.b.address.c_str(), &to.sin_addr);
  std::mt19937 random(1);
  std::array<unsigned char, 1400> datagram{};
  for (std::size_t i = 0; i < 2000; ++i) {
    for (unsigned char& octet : datagram) {
      octet = static_cast<unsigned char>(random());
    }
    static_cast<void>(sendto(socket.get(), datagram.data(), i < 1400 ? i : random() % 1400, 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to));
  }
  if (!pair.deliver(pair.a, pair.b, 100)) {
    return failed("after 2000 datagrams of garbage to UDP port 6783 it carries nothing",
                  "count and drop what does not parse or authenticate");
  }
  return std::nullopt;
}

std::optional<Outcome> notice_a_dead_path(OverlayPair& pair) {
  if (!pair.set_wire(false)) {
    return skipped("the wire cannot be cut");
  }
  const bool noticed =
      pair.wait([&] { return pair.a.listener->is_down() && pair.b.listener->is_down(); }, patience);
  if (!noticed || !pair.set_wire(true)) {
    return failed("10 s after the wire was cut it has told neither on_failed nor on_health(false)",
                  "send heartbeats every OverlayLink::heartbeat and fail after its timeout");
  }
  return std::nullopt;
}

std::optional<Outcome> notice_a_gone_peer(OverlayPair& pair) {
  if (const auto connected = pair.connect({}); !connected) {
    return failed("after a dead path: " + connected.error().message(),
                  "a new connection to the same peer starts afresh");
  }
  pair.b.connection.reset();
  if (!pair.wait([&] { return pair.a.listener->is_down(); }, patience)) {
    return failed(
        "10 s after the peer dropped the connection it has told neither on_failed nor "
        "on_health(false)",
        "send heartbeats every OverlayLink::heartbeat and fail after its timeout");
  }
  return std::nullopt;
}

/// Whether any packet that waits at `tap` shows a frame's marker.
bool shows_marker(int tap) {
  std::array<char, 2048> packet{};
  ssize_t got = 0;
  while ((got = recv(tap, packet.data(), packet.size(), MSG_DONTWAIT)) > 0) {
    if (std::string_view(packet.data(), static_cast<std::size_t>(got)).find(frame_marker) !=
        std::string_view::npos) {
      return true;
    }
  }
  return false;
}

std::optional<Outcome> encrypt_or_refuse(OverlayPair& pair, bool& refused) {
  SessionKey key{};
  key.fill(std::byte{0x5a});
  const auto connected = pair.connect(key);
  refused = !connected && connected.error().code != Errc::timeout;
  if (refused) {
    return std::nullopt;
  }
  if (!connected) {
    return failed("with a session key: " + connected.error().message(),
                  "encrypt with OverlayLink::session_key, or let prepare answer "
                  "Errc::unsupported");
  }
  pair.b.network->enter();
  // On the wire alone: an overlay's own devices may well show frames in clear.
  const UniqueFd tap{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
  sockaddr_ll wire{};
  wire.sll_family = AF_PACKET;
  wire.sll_protocol = htons(ETH_P_ALL);
  wire.sll_ifindex = static_cast<int>(if_nametoindex(OverlayPair::wire));
  if (bind(tap.get(), reinterpret_cast<const sockaddr*>(&wire), sizeof wire) != 0) {
    return skipped("the wire cannot be watched");
  }
  const bool carried = pair.deliver(pair.a, pair.b, 500);
  if (!carried || !pair.a.connection->status().encrypted || shows_marker(tap.get())) {
    return failed(carried ? "with a session key it sends frames readable on the wire, or says so"
                          : "with a session key it carries nothing",
                  "encrypt with OverlayLink::session_key, or let prepare answer "
                  "Errc::unsupported");
  }
  return std::nullopt;
}

}  // namespace

Outcome check_overlay(const Subject& subject) {
  if (!provides(subject, Overlay::service)) {
    return skipped("it provides no weft.overlay/1");
  }
  const auto pair = OverlayPair::make(subject);
  if (!pair) {
    return pair.error();
  }
  if (const auto connected = (*pair)->connect({}); !connected) {
    return failed(connected.error().message(),
                  "call on_established once traffic passes both ways; carry what send_control "
                  "needs, no more");
  }
  for (const auto step : {&carry_both_ways, &respect_mtu, &survive_garbage, &notice_a_dead_path,
                          &notice_a_gone_peer}) {
    if (const auto finding = step(**pair)) {
      return *finding;
    }
  }
  bool refused = false;
  if (const auto finding = encrypt_or_refuse(**pair, refused)) {
    return *finding;
  }
  return passed(fmt::format("forwarding, mtu, garbage, dead path, gone peer; {} a session key",
                            refused ? "refuses" : "encrypts with"));
}

Outcome check_overlay_lanes(const Subject& subject) {
  const auto pair = OverlayPair::make(subject);
  if (!pair) {
    return pair.error();
  }
  SessionKey key{};
  key.fill(std::byte{0x5a});
  Outcome outcome = skipped("it did not connect");
  for (const std::optional<SessionKey>& session :
       {std::optional<SessionKey>(), std::optional(key)}) {
    if (!(*pair)->connect(session)) {
      continue;  // check_overlay judges that
    }
    begin_lane_watch();
    unsigned carried = 0;
    for (unsigned i = 0; i < 200; ++i) {
      carried += (*pair)->deliver((*pair)->a, (*pair)->b, 64 + 6 * i) ? 1 : 0;
    }
    outcome = judge_lanes(end_lane_watch(), carried);
    if (outcome.status == Outcome::Status::fail) {
      break;
    }
  }
  return outcome;
}

}  // namespace weft::conformance
