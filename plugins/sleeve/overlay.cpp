/// Makes connections, keeps the table that lanes receive by, and spreads lanes' events.
#include "overlay.hpp"

#include <utility>

namespace weft::sleeve {
namespace {

constexpr Duration sockets_period = std::chrono::seconds{1};

}  // namespace

SleeveOverlay::SleeveOverlay(const Node& node)
    : node_(node), counters_(node.metrics), peers_(node.lanes), sessions_(node.loop) {}

Result<Sockets> SleeveOverlay::open_sockets(SocketOptions& options) {
  Sockets sockets;
  for (UniqueFd& socket : sockets) {
    WEFT_TRY(socket, open_udp(options));
    options.listen.port =
        overlay::local_of(socket).port;  // the others share what the first one got
  }
  return sockets;
}

Result<Sockets> SleeveOverlay::open_senders() const {
  Sockets sockets;
  for (const DfClass df_class : {DfClass::may_fragment, DfClass::dont_fragment}) {
    WEFT_TRY(sockets[static_cast<std::size_t>(df_class)],
             open_udp_sender(family_, port_, send_buffer_bytes_, df_class));
  }
  return sockets;
}

Result<> SleeveOverlay::start(const SocketOptions& options) {
  SocketOptions shared = options;
  std::vector<std::unique_ptr<LanePort>> ports;
  for (unsigned lane = 0; lane < node_.lanes.count(); ++lane) {
    Sockets sockets;
    WEFT_TRY(sockets, open_sockets(shared));
    const LanePort::Context context{node_.self, node_.dataplane, peers_, counters_, doorbell_};
    ports.push_back(std::make_unique<LanePort>(context, std::move(sockets)));
  }
  port_ = shared.listen.port;
  send_buffer_bytes_ = shared.send_buffer_bytes;
  ports_ = std::make_shared<PerLane<LanePort>>(std::move(ports));
  family_ = overlay::family_of(ports_->all().front()->socket(DfClass::may_fragment));
  Sockets senders;
  WEFT_TRY(senders, open_senders());
  sender_ = std::make_unique<SpecialSender>(node_.self, counters_, family_, std::move(senders));
  open_filter();
  sockets_timer_ = node_.loop.every(sockets_period, [this] { tend_sockets(); });
  for (unsigned lane = 0; lane < node_.lanes.count(); ++lane) {
    LanePort& port = *ports_->all()[lane];
    registrations_.push_back(node_.lanes.add(
        lane, port,
        {port.socket(DfClass::may_fragment).get(), port.socket(DfClass::dont_fragment).get()}));
  }
  return {};
}

void SleeveOverlay::stop() noexcept {
  sockets_timer_.cancel();
  sessions_.stop();
  registrations_.clear();
}

std::uint32_t SleeveOverlay::overhead() const noexcept {
  return net::ipv4_header_bytes + net::udp_header_bytes + sealed_header_bytes +
         record_header_bytes + ethernet_header_bytes;
}

Result<std::unique_ptr<OverlayConnection>> SleeveOverlay::prepare(
    const OverlayLink& link, std::shared_ptr<OverlayListener> listener) {
  auto peer = std::make_shared<Peer>(node_.lanes, ports_, link, next_connection_.fetch_add(1));
  auto session = std::make_shared<Session>(
      Session::Context{node_.loop, node_.log, counters_, *sender_, ciphers_,
                       [this](const std::shared_ptr<Peer>& confirmed) { return begin(confirmed); },
                       [this](const Peer& ended) { forget(ended); },
                       [this](const Peer& changed) { admit(changed); }},
      link, std::move(peer), std::move(listener));
  const std::uint32_t connection = session->peer()->connection;
  return sessions_.connect(connection, std::move(session));
}

Result<> SleeveOverlay::begin(const std::shared_ptr<Peer>& peer) {
  Sockets senders;
  WEFT_TRY(senders, open_senders());
  peer->use_sockets(std::move(senders));
  peers_.set(peer->name, peer);
  admit(*peer);
  return {};
}

/// A newer connection may have taken the name over.
void SleeveOverlay::forget(const Peer& peer) {
  if (peers_.remove(peer.name, peer) && filter_) {
    filter_->forget(peer.name);
  }
}

void SleeveOverlay::open_filter() {
  auto opened = SenderFilter::open();
  if (opened) {
    filter_ = *std::move(opened);
  }
  if (const auto attached = opened ? attach_filter() : tl::unexpected(opened.error()); !attached) {
    drop_filter(attached.error());
  }
}

Result<> SleeveOverlay::attach_filter() {
  for (const auto& port : ports_->all()) {
    for (const DfClass df_class : {DfClass::may_fragment, DfClass::dont_fragment}) {
      WEFT_TRY(filter_->attach(port->socket(df_class)));
    }
  }
  return {};
}

void SleeveOverlay::admit(const Peer& peer) {
  if (!filter_ || peers_.find(peer.name) != &peer) {
    return;
  }
  SenderTraits traits;
  traits.is_encrypted = peer.is_encrypted();
  if (const auto& remote = peer.path.owner()->remote) {
    traits.sources = {remote->address, peer.tcp_address};
  }
  if (peer.is_encrypted()) {
    traits.fresh = peer.opener->fresh();
  }
  if (const auto admitted = filter_->admit(peer.name, traits); !admitted) {
    drop_filter(admitted.error());
  }
}

void SleeveOverlay::drop_filter(const Error& reason) {
  count_drops();
  node_.log.warn("sender filter unavailable: invalid datagrams are dropped in user space", "error",
                 reason, "needs", "CAP_BPF");
  for (const auto& port : ports_->all()) {
    SenderFilter::detach(port->socket(DfClass::may_fragment));
    SenderFilter::detach(port->socket(DfClass::dont_fragment));
  }
  filter_.reset();
}

/// Sequence numbers that are used up become worthless also to the kernel.
void SleeveOverlay::tend_sockets() {
  count_drops();
  for (const auto& [name, peer] : peers_.all()) {
    if (peer->is_encrypted()) {
      admit(*peer);
    }
  }
}

/// The kernel counts at a socket also what the filter refused. It is asked afterwards, so that
/// nothing counts as lost for want of room before it is known to be something else.
void SleeveOverlay::count_drops() {
  for (std::size_t i = 0; i < ports_->all().size(); ++i) {
    for (const DfClass df_class : {DfClass::may_fragment, DfClass::dont_fragment}) {
      const std::uint32_t now = overlay::drops_of(ports_->all()[i]->socket(df_class));
      overflowed_ += now - std::exchange(drops_[i][static_cast<std::size_t>(df_class)], now);
    }
  }
  if (filter_) {
    overflowed_ -= static_cast<std::int64_t>(filter_->collect(counters_));
  }
  if (overflowed_ > 0) {
    counters_.drop(Drop::receive_buffer, static_cast<std::uint64_t>(std::exchange(overflowed_, 0)));
  }
}

void SleeveOverlay::drain_events() {
  for (const auto& port : ports_->all()) {
    LaneEvent event;
    while (port->events().pop(event)) {
      if (const auto session = sessions_.find(event.connection)) {
        session->on_event(event);
      }
    }
  }
}

void SleeveOverlay::on_too_big_report(const overlay::TooBigReport& report) {
  for (const auto& [connection, session] : sessions_.all()) {
    session->on_too_big_report(report);
  }
}

std::vector<ConnectionStatus> SleeveOverlay::describe() const {
  std::vector<ConnectionStatus> list;
  for (const auto& [connection, session] : sessions_.all()) {
    list.push_back(session->describe());
  }
  return list;
}

}  // namespace weft::sleeve
