/// Negotiates overlays with a peer and moves its traffic to the best working one.

#include "fabric/overlay_switch.hpp"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

namespace weft {
namespace {

/// One overlay of one connection. Both peers count places alike, so a dead one keeps its own.
struct Member {
  Overlay* overlay = nullptr;
  std::unique_ptr<OverlayConnection> connection;  // null: dead
  std::shared_ptr<Forwarder> forwarder;
  bool is_established = false;
  bool is_held = false;  // alive, but passes no traffic for now

  [[nodiscard]] bool is_usable() const noexcept { return connection != nullptr && !is_held; }
};

}  // namespace

/// The state of one connection, used on the mesh's loop alone.
class OverlaySwitchImpl::Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(PeerName remote, Loop& loop, dataplane::ForwarderSlot slot, SwitchCallbacks callbacks,
             Log& log, Counter& malformed)
      : remote_(remote),
        loop_(loop),
        slot_(std::move(slot)),
        callbacks_(std::move(callbacks)),
        log_(log),
        malformed_(malformed) {}

  [[nodiscard]] Result<> prepare(std::span<Overlay* const> overlays, const OverlayLink& link);
  /// Drops every overlay that is not one of `overlays`, on the mesh's loop; `hold` lives until
  /// then. Any thread.
  void keep_only(std::vector<Overlay*> overlays, ServiceHold hold);

  void confirm();
  void on_control(std::uint8_t place, std::uint8_t subtag, ByteView body);
  [[nodiscard]] OverlayStatus status() const;
  /// Stops the overlays; nothing is called back afterwards.
  void close() noexcept;
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }

  // Reports of the member at `index`.
  void established(std::size_t index);
  void failed(std::size_t index, const Error& reason);
  void health(std::size_t index, bool is_healthy);
  void send_control(std::size_t index, std::uint8_t subtag, Bytes body);

 private:
  [[nodiscard]] std::optional<std::size_t> best() const noexcept;
  /// Finds the best overlay anew and tells the dataplane. May call back: the caller's last act.
  void choose();

  const PeerName remote_;
  Loop& loop_;
  std::vector<Member> members_;
  std::optional<std::size_t> chosen_;
  bool is_confirmed_ = false;
  bool was_established_ = false;
  bool is_closed_ = false;         // by the mesh, or because nothing works any more
  dataplane::ForwarderSlot slot_;  // after the members: they stop being used before they go
  SwitchCallbacks callbacks_;
  Log& log_;
  Counter& malformed_;
};

namespace {

using Connection = OverlaySwitchImpl::Connection;

/// Brings one overlay's reports, from any thread, to the connection on the mesh's loop.
class Listener final : public OverlayListener {
 public:
  Listener(Loop& loop, std::weak_ptr<Connection> connection, std::size_t index)
      : loop_(loop), connection_(std::move(connection)), index_(index) {}

  void on_established() override {
    tell([](Connection& connection, std::size_t index) { connection.established(index); });
  }
  void on_failed(Error reason) override {
    tell([reason = std::move(reason)](Connection& connection, std::size_t index) {
      connection.failed(index, reason);
    });
  }
  void on_health(bool is_healthy) override {
    tell([is_healthy](Connection& connection, std::size_t index) {
      connection.health(index, is_healthy);
    });
  }
  void send_control(std::uint8_t subtag, Bytes body) override {
    tell([subtag, body = std::move(body)](Connection& connection, std::size_t index) mutable {
      connection.send_control(index, subtag, std::move(body));
    });
  }

 private:
  template <class Report>
  void tell(Report report) {
    loop_.post([connection = connection_, index = index_, report = std::move(report)]() mutable {
      if (const auto alive = connection.lock(); alive && !alive->is_closed()) {
        report(*alive, index);
      }
    });
  }

  Loop& loop_;
  std::weak_ptr<Connection> connection_;
  std::size_t index_;
};

/// What the mesh owns: the connection ends with it, also when a report is just being handled.
class Handle final : public SwitchedConnection {
 public:
  explicit Handle(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~Handle() override { connection_->close(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void confirm() override { connection_->confirm(); }
  void on_control(std::uint8_t place, std::uint8_t subtag, ByteView body) override {
    connection_->on_control(place, subtag, body);
  }
  [[nodiscard]] OverlayStatus status() const override { return connection_->status(); }

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace

Result<> Connection::prepare(std::span<Overlay* const> overlays, const OverlayLink& link) {
  std::optional<Error> reason;
  for (Overlay* const overlay : overlays) {
    Member& member = members_.emplace_back();
    member.overlay = overlay;
    auto prepared = overlay->prepare(
        link, std::make_shared<Listener>(loop_, weak_from_this(), members_.size() - 1));
    if (prepared) {
      member.connection = *std::move(prepared);
      member.forwarder = member.connection->forwarder();
    } else {
      log_.warn("overlay not usable for this connection", "peer", remote_, "overlay",
                overlay->name(), "reason", prepared.error());
      reason = std::move(prepared).error();
    }
  }
  if (!best()) {
    return tl::unexpected(*std::move(reason));
  }
  return {};
}

void Connection::keep_only(std::vector<Overlay*> overlays, ServiceHold hold) {
  loop_.post([self = shared_from_this(), overlays = std::move(overlays), hold = std::move(hold)] {
    for (std::size_t i = 0; i < self->members_.size(); ++i) {
      if (std::ranges::find(overlays, self->members_[i].overlay) == overlays.end()) {
        self->failed(i, Error{make_error_code(Errc::closed), "go on with it: it is being stopped"});
      }
    }
  });
}

void Connection::confirm() {
  is_confirmed_ = true;
  for (Member& member : members_) {
    if (member.connection != nullptr) {
      member.connection->confirm();
    }
  }
  choose();
}

void Connection::close() noexcept {
  is_closed_ = true;
  slot_ = {};
  members_.clear();
  chosen_.reset();
}

/// The first that is established, else the first that may still become so.
/// Source: weave router/overlay_switch.go, chooseBest.
std::optional<std::size_t> Connection::best() const noexcept {
  const auto index_of = [this](auto predicate) -> std::optional<std::size_t> {
    const auto found = std::ranges::find_if(members_, predicate);
    return found == members_.end()
               ? std::nullopt
               : std::optional<std::size_t>{static_cast<std::size_t>(found - members_.begin())};
  };
  const auto established =
      index_of([](const Member& member) { return member.is_usable() && member.is_established; });
  return established ? established : index_of(&Member::is_usable);
}

void Connection::choose() {
  if (!is_confirmed_) {
    return;
  }
  const auto now = best();
  if (!now) {
    close();
    callbacks_.failed(
        Error{make_error_code(Errc::unreachable),
              fmt::format("forward to peer {}: no working forwarders", to_string(remote_))});
    return;
  }
  if (now != chosen_) {
    log_.info("using overlay", "peer", remote_, "overlay", members_[*now].overlay->name());
  }
  chosen_ = now;
  std::vector<std::shared_ptr<Forwarder>> forwarders;
  for (std::size_t i = *now; i < members_.size(); ++i) {
    if (members_[i].is_usable()) {
      forwarders.push_back(members_[i].forwarder);
    }
  }
  slot_.publish(std::move(forwarders));
}

void Connection::established(std::size_t index) {
  members_[index].is_established = true;
  const bool is_first = !std::exchange(was_established_, true);
  choose();
  if (is_first && !is_closed_) {
    callbacks_.established();
  }
}

void Connection::failed(std::size_t index, const Error& reason) {
  Member& member = members_[index];
  if (member.connection == nullptr) {
    return;
  }
  log_.warn("overlay failed", "peer", remote_, "overlay", member.overlay->name(), "reason", reason);
  member.connection.reset();
  member.forwarder.reset();
  choose();
}

void Connection::health(std::size_t index, bool is_healthy) {
  Member& member = members_[index];
  if (member.is_held == !is_healthy) {
    return;
  }
  member.is_held = !is_healthy;
  log_.info(is_healthy ? "overlay passes traffic again" : "overlay passes no traffic", "peer",
            remote_, "overlay", member.overlay->name());
  choose();
}

void Connection::send_control(std::size_t index, std::uint8_t subtag, Bytes body) {
  callbacks_.control(static_cast<std::uint8_t>(index), subtag, std::move(body));
}

void Connection::on_control(std::uint8_t place, std::uint8_t subtag, ByteView body) {
  if (place >= members_.size()) {
    malformed_.add();
  } else if (members_[place].connection != nullptr) {
    members_[place].connection->on_control(subtag, body);
  }
}

OverlayStatus Connection::status() const {
  if (!chosen_) {
    return {.overlay = "none"};
  }
  const Member& member = members_[*chosen_];
  OverlayStatus status = member.connection->status();
  status.established = member.is_established;
  return status;
}

OverlaySwitchImpl::OverlaySwitchImpl(Services& services, dataplane::ForwarderDirectory& directory,
                                     Log& log, Metrics& metrics)
    : services_(services),
      directory_(directory),
      log_(log),
      malformed_(metrics.counter("weft_overlay_switch_malformed_total",
                                 "Overlay control messages of peers that follow no format.")) {
  auto followed = services_.follow<Overlay>(
      [this](Overlay* /*first*/, const ServiceHold& hold) { let_go(hold); });
  WEFT_CHECK(followed, "the overlay switch may use every overlay");
  overlays_ = *std::move(followed);
}

void OverlaySwitchImpl::let_go(const ServiceHold& hold) {
  const std::vector<Overlay*> overlays = by_preference();
  const std::lock_guard lock(mutex_);
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) {
      connection->keep_only(overlays, hold);
    }
  }
}

std::vector<Overlay*> OverlaySwitchImpl::by_preference() const {
  auto providers = services_.all<Overlay>();
  std::ranges::stable_sort(providers, std::greater{}, &Overlay::preference);
  return providers;
}

std::vector<std::string> OverlaySwitchImpl::overlays() const {
  std::vector<std::string> names;
  for (const Overlay* const overlay : by_preference()) {
    names.emplace_back(overlay->name());
  }
  return names;
}

Result<std::unique_ptr<SwitchedConnection>> OverlaySwitchImpl::prepare(
    const OverlayLink& link, const std::vector<std::string>& remote_overlays, Loop& loop,
    SwitchCallbacks callbacks) {
  auto connection = std::make_shared<Connection>(link.remote, loop, directory_.open(link.remote),
                                                 std::move(callbacks), log_, malformed_);
  {
    // Before the overlays are looked up: none that leaves meanwhile goes unnoticed.
    const std::lock_guard lock(mutex_);
    std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
    connections_.push_back(connection);
  }
  auto common = by_preference();
  std::erase_if(common, [&](const Overlay* overlay) {
    return std::ranges::find(remote_overlays, overlay->name()) == remote_overlays.end();
  });
  if (common.empty()) {
    return fail(
        Errc::unsupported,
        fmt::format("forward to peer {}: no overlays in common with peer", to_string(link.remote)));
  }
  WEFT_TRY(connection->prepare(common, link));
  return std::make_unique<Handle>(std::move(connection));
}

}  // namespace weft
