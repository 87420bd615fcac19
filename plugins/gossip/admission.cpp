/// From an introduction to a neighbour that counts, and to its end.

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "gossip/engine.hpp"
#include "gossip/wire/message.hpp"

namespace weft::gossip {
namespace {

/// The overlay assumed for peers that do not negotiate. Source: weave router/overlay_switch.go,
/// compatOverlay.
constexpr const char* assumed_overlay = "sleeve";
constexpr Duration original_heartbeat = std::chrono::seconds{30};
constexpr Duration original_dead_after = std::chrono::seconds{60};
/// Of a connection after which a refusal is over.
constexpr Duration refusal_over_after = std::chrono::seconds{10};
ConnectionMaker::Ending ending_of(DropReason reason) {
  return reason == DropReason::self             ? ConnectionMaker::Ending::ourselves
         : reason == DropReason::name_collision ? ConnectionMaker::Ending::wrong_place
                                                : ConnectionMaker::Ending::failure;
}

}  // namespace

void Engine::on_introduced(Connection& connection, const Introduction& introduction) {
  Link& link = *links_.find(connection.id());
  if (const Admission admission = admit(link, introduction); !admission) {
    reject(link, admission.error());
  }
}

/// Only what passes every check here is ever seen by routing, gossip or overlays.
/// Source: weaveworks/mesh connection.go, run.
Admission Engine::admit(Link& link, const Introduction& introduction) {
  auto features = mesh::parse_features(introduction.features);
  if (!features) {
    return tl::unexpected(Rejection{DropReason::handshake_refused, std::move(features).error()});
  }
  link.is_weft = features->weft.has_value();
  link.process = features->uid;
  if (const Admission checked = namesakes_.check_name(link, *features); !checked) {
    return checked;
  }
  if (link.connection->is_outbound()) {
    dialler_.maker().identified(link.address, features->name);
  }
  if (const Admission free = namesakes_.check_holder(link, *features); !free) {
    return free;
  }
  link.uid = link.local_id ^ features->connection_id;

  const Topology::Peer* const known = state_.peers().find(features->name);
  const bool is_restarted = known != nullptr && known->uid != features->uid;
  Topology::Peer remote;
  remote.name = features->name;
  remote.nickname = features->nickname;
  remote.uid = features->uid;
  remote.short_id = features->short_id;
  link.remote = remote.name;
  state_.add_reference(std::move(remote));

  if (const Admission prepared = prepare_overlay(link, *features, introduction); !prepared) {
    return prepared;
  }
  if (const Admission settled = settle_duplicate(link); !settled) {
    return settled;
  }
  if (auto why = dialler_.full()) {
    return tl::unexpected(Rejection{DropReason::connection_limit, *std::move(why)});
  }
  const bool is_reachable = state_.frame_routes().unicast(link.remote).has_value();
  add(link, is_restarted || !is_reachable);
  link.connection->begin(liveness(*features));
  return {};
}

/// The key goes to the overlays unless each side trusts the other's address.
Admission Engine::prepare_overlay(Link& link, const mesh::Features& remote,
                                  const Introduction& introduction) {
  OverlayLink overlay;
  overlay.local = state_.self();
  overlay.remote = link.remote;
  overlay.connection_uid = link.uid;
  overlay.local_address = link.connection->local();
  overlay.remote_address = link.connection->remote();
  overlay.outbound = link.connection->is_outbound();
  if (!link.is_trusted_by_us || !remote.is_trusted) {
    overlay.session_key = introduction.key;
  }
  link.is_encrypted = overlay.session_key.has_value();
  if (link.is_weft) {
    const Liveness agreed = liveness(remote);
    overlay.heartbeat = std::chrono::duration_cast<std::chrono::milliseconds>(agreed.heartbeat);
    overlay.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(agreed.dead_after);
  }
  link.is_without_switch = !remote.overlays;
  auto prepared = env_.overlays.prepare(
      overlay, remote.overlays.value_or(std::vector<std::string>{assumed_overlay}), env_.loop,
      overlay_callbacks(link.id()));
  if (!prepared) {
    return tl::unexpected(Rejection{DropReason::no_common_overlay, std::move(prepared).error()});
  }
  link.overlay = *std::move(prepared);
  return {};
}

/// Of two connections to one peer the smaller UID stays: both ends decide alike.
/// Source: weaveworks/mesh local_peer.go, handleAddConnection.
Admission Engine::settle_duplicate(Link& link) {
  Link* const other = links_.to(link.remote);
  if (other == nullptr) {
    return {};
  }
  const Rejection refusal{DropReason::duplicate,
                          Error{make_error_code(Errc::conflict),
                                fmt::format("connect: Multiple connections to {} added to {}",
                                            to_string(link.remote), to_string(state_.self()))}};
  if (link.uid > other->uid) {
    return tl::unexpected(refusal);
  }
  const bool is_tie = link.uid == other->uid;
  other->is_replaced = !is_tie;
  other->connection->drop(refusal.reason, refusal.error);
  return is_tie ? tl::unexpected(refusal) : Admission{};
}

void Engine::add(Link& link, bool send_everything) {
  link.added_at = env_.loop.now();
  links_.add(link);
  connections_gauge_.set(static_cast<double>(links_.added()));
  dialler_.maker().created(link.id(), {link.remote, link.address, link.connection->is_outbound()});
  env_.log.info("connection added", "peer", link.remote, "address", link.address, "outbound",
                link.connection->is_outbound(), "weft", link.is_weft);
  state_.connection_added(
      {link.remote, to_string(link.address), link.connection->is_outbound(), false});
  if (send_everything) {
    channels_.send_everything(link);
  }
  link.overlay->confirm();
  dialler_.plan_soon();
}

/// Each side says how often it sends and how long it waits; either must suit the other. Weave Net
/// peers have fixed times. Source: weaveworks/mesh router.go, tcpHeartbeat.
Liveness Engine::liveness(const mesh::Features& remote) const {
  const Duration period = config_.heartbeat / 2;
  if (!remote.weft) {
    return {original_heartbeat, original_dead_after, period};
  }
  return {std::max<Duration>(std::min<Duration>(config_.heartbeat, remote.weft->dead_after / 3),
                             period),
          std::max<Duration>(config_.dead_after, 3 * remote.weft->heartbeat), period};
}

/// The switch may still be at work when it reports a failure: the connection ends on the next turn.
SwitchCallbacks Engine::overlay_callbacks(Connection::Id id) {
  SwitchCallbacks callbacks;
  callbacks.established = [this, id] { on_overlay_established(id); };
  callbacks.failed = [this, id](const Error& error) {
    if (Link* const link = links_.find(id)) {
      link->failure = env_.loop.after(Duration::zero(), [this, id, error] {
        if (Link* const failed = links_.find(id)) {
          failed->connection->drop(DropReason::overlay_failed, error);
        }
      });
    }
  };
  callbacks.control = [this, id](std::uint8_t place, std::uint8_t subtag, const Bytes& body) {
    if (Link* const link = links_.find(id)) {
      send_control(*link, link->is_without_switch
                              ? mesh::encode_message(mesh::CompatControl{subtag, body})
                              : mesh::encode_message(mesh::OverlayControl{place, subtag, body}));
    }
  };
  return callbacks;
}

/// A peer that asks much and reads nothing would have its answers pile up here. Overlays repeat
/// what goes unanswered.
void Engine::send_control(Link& link, const Bytes& message) {
  if (link.connection->queued_bytes() > Channels::unicast_limit_bytes) {
    controls_dropped_.add();
    return;
  }
  (void)link.connection->send(message);
}

void Engine::on_overlay_established(Connection::Id id) {
  Link* const link = links_.find(id);
  if (link == nullptr || !link->is_added || std::exchange(link->is_established, true)) {
    return;
  }
  env_.log.info("connection established", "peer", link->remote, "address", link->address);
  namesakes_.established(*link);
  state_.connection_established(link->remote);
}

void Engine::on_message(Connection& connection, ByteView octets) {
  Link& link = *links_.find(connection.id());
  if (const auto handled = dispatch(link, octets); !handled) {
    connection.drop(DropReason::malformed, handled.error());
  }
}

Result<> Engine::dispatch(Link& link, ByteView octets) {
  mesh::Message message;
  WEFT_TRY(message, mesh::parse_message(octets));
  if (const auto* const gossip = std::get_if<mesh::Gossip>(&message)) {
    return channels_.on_gossip(link, *gossip);
  }
  if (const auto* const broadcast = std::get_if<mesh::GossipBroadcast>(&message)) {
    return channels_.on_broadcast(link, *broadcast);
  }
  if (const auto* const unicast = std::get_if<mesh::GossipUnicast>(&message)) {
    return channels_.on_unicast(link, *unicast, octets);
  }
  if (const auto* const damaged = std::get_if<mesh::DamagedUnicast>(&message)) {
    return channels_.on_damaged(link, *damaged);
  }
  if (const auto* const control = std::get_if<mesh::OverlayControl>(&message)) {
    return on_control(link, /*with_switch=*/true, *control);
  }
  if (const auto* const compat = std::get_if<mesh::CompatControl>(&message)) {
    return on_control(link, /*with_switch=*/false, {0, compat->subtag, compat->body});
  }
  if (const auto* const notice = std::get_if<mesh::Notice>(&message)) {
    on_notice(link, *notice);
  } else if (std::holds_alternative<mesh::UnknownMessage>(message)) {
    env_.log.debug("unknown message ignored", "peer", link.remote);
  }
  return {};
}

/// Overlays get control messages on loops of their own. What comes faster than they could ever need
/// it is dropped, so that what waits for those loops stays bounded; overlays repeat what matters.
/// So is what comes in the form of the peers that this one is none of.
Result<> Engine::on_control(Link& link, bool with_switch, const mesh::OverlayControl& control) {
  if (control.body.size() > Link::max_control_bytes) {
    return fail(Errc::malformed,
                fmt::format("accept a control message of {} bytes: the limit is {}",
                            control.body.size(), Link::max_control_bytes));
  }
  if (with_switch == link.is_without_switch || !link.controls.try_take(env_.loop.now())) {
    controls_ignored_.add();
  } else {
    link.overlay->on_control(control.place, control.subtag, control.body);
  }
  return {};
}

void Engine::on_drained(Connection& connection) {
  if (Link* const link = links_.find(connection.id())) {
    channels_.pump(*link);
  }
}

/// The link may be gone afterwards.
void Engine::on_notice(Link& link, const mesh::Notice& notice) {
  if (!link.is_weft) {
    return;
  }
  if (notice.kind != mesh::Notice::Kind::warning) {
    namesakes_.on_notice(link, notice, dialler_.is_direct(link.address.address));
    link.connection->drop(
        DropReason::refused_by_peer,
        Error{make_error_code(Errc::denied),
              fmt::format("connect: the peer refuses it: cannot {}", notice.text)});
  } else if (log_limiter_.admit(env_.loop.now())) {
    env_.log.warn("warning of a peer", "peer", link.remote, "address", link.address, "text",
                  notice.text);
  }
}

void Engine::on_refused(const Link& link, DropReason reason, const Error& error) {
  if (reason == DropReason::name_collision || reason == DropReason::name_taken ||
      reason == DropReason::name_lost) {
    namesakes_.count_conflict();
  }
  const net::IpAddress address = link.address.address;
  if (!refused_peers_.refused(address, reason, error, env_.loop.now())) {
    return;
  }
  if (log_limiter_.admit(env_.loop.now())) {
    env_.log.warn("peer refused", "address", address, "reason", to_string(reason), "detail", error);
  }
}

/// Says once that a refusal is over: a channel's user may refuse some messages after the start.
void Engine::watch_refused() {
  const auto& refuser = namesakes_.refused_by();
  if (refused_peers_.entries().empty() && !refuser) {
    return;
  }
  const TimePoint now = env_.loop.now();
  refused_peers_.prune(now);
  for (const auto& [id, link] : links_.all()) {
    if (!link.is_established || now - link.added_at < refusal_over_after) {
      continue;
    }
    if (const auto lasted = refused_peers_.connected(link.address.address, link.added_at)) {
      env_.log.info("peer no longer refused", "address", link.address, "peer", link.remote, "after",
                    *lasted);
    }
  }
  if (refuser && refused_peers_.find(*refuser) == nullptr) {
    namesakes_.refusal_is_over();
  }
}

/// The connection is still on the stack: it is destroyed on the next turn. Its overlays end now, as
/// another connection to the same peer may be about to start its own.
void Engine::on_dropped(Connection& connection, DropReason reason, const Error& error) {
  Link link = links_.extract(connection.id());
  link.overlay.reset();
  log_end(link, reason, error);
  count_drop(reason);
  if (is_refusal(reason)) {
    on_refused(link, reason, error);
  }
  if (link.remote != unknown_peer) {
    state_.drop_reference(link.remote);
  }
  if (link.is_added) {
    links_.remove(link);
    namesakes_.left(link);
    connections_gauge_.set(static_cast<double>(links_.added()));
    if (link.is_replaced) {
      state_.connection_replaced(link.remote);
    } else {
      state_.connection_lost(link.remote);
    }
  }
  dialler_.maker().ended(
      {link.id(), link.address, connection.is_outbound(), ending_of(reason), error},
      env_.loop.now(), random_unit(env_.loop));
  dialler_.plan_soon();
  env_.loop.post([ended = std::move(link.connection)] {});
}

/// Anybody can connect and fail: such ends fill no log.
void Engine::log_end(const Link& link, DropReason reason, const Error& error) {
  if (!link.connection->is_outbound() && !link.connection->is_introduced()) {
    const auto left_out = log_limiter_.admit(env_.loop.now());
    if (!left_out) {
      return;
    }
    if (*left_out > 0) {
      env_.log.warn("strangers' connections left out of the log", "count", *left_out);
    }
  }
  env_.log.info("connection ended", "peer", link.remote, "address", link.address, "reason",
                to_string(reason), "detail", error);
}

void Engine::count_drop(DropReason reason) {
  if (reason != DropReason::self) {
    ++terminations_;
  }
  env_.metrics
      .counter("weft_gossip_connections_dropped_total", "Connections ended, by reason.",
               {{"reason", std::string(to_string(reason))}})
      .add();
}

}  // namespace weft::gossip
