/// Makes connections and keeps the table that lanes receive by.

#include "overlay.hpp"

#include <utility>

#include <fmt/core.h>

namespace weft::udp_overlay {

/// What the overlay switch holds. Any control thread: everything is passed on to the loop, which
/// is closed before the overlay goes away.
class UdpOverlay::Connection final : public OverlayConnection {
 public:
  Connection(UdpOverlay& overlay, std::shared_ptr<Session> session)
      : overlay_(overlay), loop_(overlay.node_.loop), session_(std::move(session)) {}

  ~Connection() override {
    loop_.post([&overlay = overlay_, session = session_] { overlay.end(session); });
  }

  void confirm() override {
    loop_.post([&overlay = overlay_, session = session_] { overlay.confirm(session); });
  }

  void on_control(std::uint8_t subtag, ByteView body) override {
    loop_.post([session = session_, subtag, copy = Bytes(body.begin(), body.end())] {
      session->on_control(subtag, copy);
    });
  }

  [[nodiscard]] std::shared_ptr<Forwarder> forwarder() const override { return session_->peer(); }
  [[nodiscard]] OverlayStatus status() const override { return session_->status(); }

 private:
  UdpOverlay& overlay_;
  Loop& loop_;
  std::shared_ptr<Session> session_;
};

UdpOverlay::UdpOverlay(const Node& node)
    : node_(node), counters_(node.metrics), peers_(node.lanes) {}

UdpOverlay::~UdpOverlay() {
  stop();
}

Result<> UdpOverlay::start(const net::Endpoint& listen) {
  net::Endpoint shared = listen;
  std::vector<std::unique_ptr<LanePort>> ports;
  for (unsigned lane = 0; lane < node_.lanes.count(); ++lane) {
    Fd socket;
    WEFT_TRY(socket, open_udp(shared));
    shared.port = local_of(socket).port;  // the others share what the first one got
    ports.push_back(
        std::make_unique<LanePort>(lane, node_.dataplane, peers_, counters_, std::move(socket)));
  }
  ports_ = std::make_shared<PerLane<LanePort>>(std::move(ports));
  is_running_ = true;
  for (unsigned lane = 0; lane < node_.lanes.count(); ++lane) {
    LanePort& port = *ports_->all()[lane];
    registrations_.push_back(node_.lanes.add(lane, port, {port.socket().get()}));
  }
  return {};
}

void UdpOverlay::stop() noexcept {
  is_running_ = false;
  for (const auto& [connection, session] : std::exchange(sessions_, {})) {
    session->stop();
  }
  publish_peers();
  registrations_.clear();
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
  auto peer = std::make_shared<Peer>(node_.lanes, ports_, link);
  auto session =
      std::make_shared<Session>(Session::Context{node_.loop, node_.log, counters_, *this}, link,
                                std::move(peer), std::move(listener));
  return std::make_unique<Connection>(*this, std::move(session));
}

void UdpOverlay::confirm(const std::shared_ptr<Session>& session) {
  if (!is_running_) {
    return;
  }
  sessions_[session->peer()->connection] = session;
  publish_peers();
  session->confirm();
}

void UdpOverlay::end(const std::shared_ptr<Session>& session) {
  session->stop();
  const auto at = sessions_.find(session->peer()->connection);
  if (at != sessions_.end() && at->second == session) {
    sessions_.erase(at);
    publish_peers();
  }
}

void UdpOverlay::publish_peers() {
  std::vector<std::shared_ptr<Peer>> peers;
  for (const auto& [connection, session] : sessions_) {
    peers.push_back(session->peer());
  }
  peers_.publish(std::make_shared<const PeerTable>(std::move(peers)));
}

std::vector<ConnectionStatus> UdpOverlay::describe() const {
  std::vector<ConnectionStatus> list;
  for (const auto& [connection, session] : sessions_) {
    list.push_back(session->describe());
  }
  return list;
}

}  // namespace weft::udp_overlay
