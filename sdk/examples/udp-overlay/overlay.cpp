/// Makes connections.

#include "overlay.hpp"

#include <utility>

#include <fmt/core.h>

namespace weft::udp_overlay {

UdpOverlay::UdpOverlay(Host& host, Dataplane& dataplane)
    : host_(host),
      dataplane_(dataplane),
      counters_(host.metrics(), "udp_overlay"),
      peers_(host.lanes()),
      sessions_(host.loop()) {}

Result<> UdpOverlay::start(const net::Endpoint& listen) {
  return port_.open(host_.lanes(), listen, {}, [this](UniqueFd socket) {
    return std::make_unique<LanePort>(overlay::UdpLane::Context{dataplane_, counters_}, peers_,
                                      std::move(socket));
  });
}

void UdpOverlay::stop() noexcept {
  sessions_.stop();
  port_.close();
}

Result<std::unique_ptr<OverlayConnection>> UdpOverlay::prepare(
    const OverlayLink& link, std::shared_ptr<OverlayListener> listener) {
  if (link.session_key) {
    return fail(
        Errc::unsupported,
        fmt::format("carry frames to peer {} over udp: the connection is encrypted and this "
                    "overlay is not; load sleeve beside it or instead of it",
                    to_string(link.remote)));
  }
  return sessions_.connect(
      link.connection_uid,
      std::make_shared<Peer>(
          Peer::Context{host_.loop(), host_.lanes(), host_.log(), counters_, port_}, link,
          std::move(listener), peers_, port_.lanes()));
}

std::vector<overlay::UdpStatus> UdpOverlay::describe() const {
  std::vector<overlay::UdpStatus> list;
  for (const auto& [connection, peer] : sessions_.all()) {
    list.push_back(peer->describe());
  }
  return list;
}

}  // namespace weft::udp_overlay
