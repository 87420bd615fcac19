/// Virtual TCP and UDP: travel times, back-pressure, silence, resets, loss.

#include <weft/testing/sim_network.hpp>

#include <algorithm>
#include <cerrno>
#include <deque>

#include <fmt/core.h>

#include <weft/testing/sim_world.hpp>

namespace weft::testing {
namespace {

/// Octets that may be on the way or unread at the peer; more wait in the stream's own queue.
constexpr std::size_t window_bytes = std::size_t{256} * 1024;
constexpr std::size_t read_chunk_bytes = std::size_t{64} * 1024;
constexpr std::size_t backlog_limit = 128;
/// What UDP carries over IPv4.
constexpr std::size_t max_datagram_bytes = 65'507;
/// When Linux gives up on unacknowledged data. Source: Linux ip-sysctl, tcp_retries2.
constexpr Duration retransmission_limit = std::chrono::milliseconds{924'600};
/// First retransmission of a connection request; doubles. Source: RFC 6298 section 2.1.
constexpr Duration first_syn_retry = std::chrono::seconds{1};

std::uint64_t digest_of(const Bytes& octets) noexcept {
  std::uint64_t digest = 14695981039346656037U;
  for (const std::byte octet : octets) {
    digest = (digest ^ std::to_integer<std::uint64_t>(octet)) * 1099511628211U;
  }
  return digest;
}

}  // namespace

/// One side of a stream. Shared by the SimStream and by events on the way; it outlives the stream
/// as a kernel's socket outlives its file descriptor, to answer with resets.
struct SimSocket : std::enable_shared_from_this<SimSocket> {
  SimSocket(SimWorld& in, SimLoop& on, std::uint64_t number, net::Endpoint here,
            net::Endpoint there)
      : world(in), loop(on), id(number), local(here), remote(there) {}

  void write(Bytes octets) {
    if (octets.empty() || end) {
      return;
    }
    unsent_bytes += octets.size();
    unsent.push_back(std::move(octets));
    transmit();
  }

  /// Hands queued octets to the path as far as the window allows.
  void transmit() {
    const bool had_unsent = !unsent.empty();
    while (!unsent.empty() && in_flight_bytes < window_bytes) {
      Bytes octets = std::move(unsent.front());
      unsent.pop_front();
      unsent_bytes -= octets.size();
      for (std::size_t at = 0; at < octets.size(); at += read_chunk_bytes) {
        const auto size = std::min(read_chunk_bytes, octets.size() - at);
        const auto* const from = octets.data() + at;
        in_flight_bytes += size;
        launch(Bytes(from, from + size));
      }
    }
    if (had_unsent && unsent.empty()) {
      loop.post([self = shared_from_this()] {
        self->call([&] {
          if (self->unsent.empty() && self->callbacks.on_drained) {
            self->callbacks.on_drained();
          }
        });
      });
    }
  }

  void launch(Bytes segment) {
    world.schedule(next_arrival(), nullptr,
                   [self = shared_from_this(), segment = std::move(segment)]() mutable {
                     self->arrive(std::move(segment));
                   });
  }

  /// When something sent now reaches the peer; never before what was sent earlier.
  Duration next_arrival() {
    const TimePoint at = world.now() + travel();
    last_arrival = std::max(last_arrival, at);
    return last_arrival - world.now();
  }

  /// A segment reaches the end of the path from this side.
  void arrive(Bytes segment) {
    if (end) {
      return;
    }
    if (!held.empty() || world.network().is_blocked(local.address, remote.address)) {
      hold(std::move(segment));
      return;
    }
    const auto to = peer.lock();
    if (!to || !to->is_owned) {
      world.schedule(travel(), nullptr, [self = shared_from_this()] {
        if (!self->world.network().is_blocked(self->remote.address, self->local.address)) {
          self->finish(Error{std::error_code(ECONNRESET, std::generic_category()),
                             "use stream with " + to_string(self->remote)});
        }
      });
      return;
    }
    world.record(digest_of(segment));
    to->received.push_back(std::move(segment));
    to->loop.run([&] { to->pump(); });
  }

  void hold(Bytes segment) {
    held.push_back(std::move(segment));
    if (held.size() == 1) {
      world.schedule(retransmission_limit, nullptr,
                     [self = shared_from_this(), episode = hold_episode] {
                       if (self->hold_episode == episode && !self->held.empty()) {
                         self->finish(Error{std::error_code(ETIMEDOUT, std::generic_category()),
                                            "send to " + to_string(self->remote)});
                       }
                     });
    }
  }

  void release_held() {
    ++hold_episode;
    for (Bytes& segment : std::exchange(held, {})) {
      launch(std::move(segment));
    }
  }

  /// Delivers what was received, then the end. On the loop.
  void pump() {
    while (is_owned && is_started && !is_paused && !is_running && !received.empty()) {
      const Bytes octets = std::move(received.front());
      received.pop_front();
      if (const auto from = peer.lock()) {
        from->in_flight_bytes -= octets.size();
        from->transmit();
      }
      call([&] {
        if (callbacks.on_data) {
          callbacks.on_data(octets);
        }
      });
    }
    if (is_owned && is_started && !is_paused && !is_running && received.empty() && end &&
        !std::exchange(end_told, true)) {
      call([&] {
        if (callbacks.on_end) {
          callbacks.on_end(*end);
        }
      });
    }
  }

  /// Runs a callback that may destroy the stream.
  template <class Callback>
  void call(Callback callback) {
    if (!is_owned || is_running) {
      return;
    }
    is_running = true;
    callback();
    is_running = false;
    if (!is_owned) {
      callbacks = {};
    }
  }

  void schedule_pump() {
    loop.post([self = shared_from_this()] { self->pump(); });
  }

  /// The stream is over for this side, after what was received.
  void finish(Error reason) {
    if (end) {
      return;
    }
    end = std::move(reason);
    unsent.clear();
    unsent_bytes = 0;
    held.clear();
    if (is_owned) {
      schedule_pump();
    }
  }

  /// The owner destroyed the stream: reset the peer.
  void abandon() {
    is_owned = false;
    if (!is_running) {
      callbacks = {};
    }
    received.clear();
    if (end) {
      return;
    }
    const bool path_is_open = held.empty();
    end = Error{make_error_code(Errc::cancelled), "use a destroyed stream"};
    unsent.clear();
    held.clear();
    if (path_is_open) {
      send_reset();
    }
  }

  void send_reset() {
    world.schedule(next_arrival(), nullptr, [self = shared_from_this()] {
      const auto to = self->peer.lock();
      if (to && !self->world.network().is_blocked(self->local.address, self->remote.address)) {
        to->finish(Error{std::error_code(ECONNRESET, std::generic_category()),
                         "read from " + to_string(to->remote)});
      }
    });
  }

  Duration travel();

  SimWorld& world;
  SimLoop& loop;
  const std::uint64_t id;
  const net::Endpoint local;
  const net::Endpoint remote;
  std::weak_ptr<SimSocket> peer;

  Stream::Callbacks callbacks;
  bool is_owned = true;
  bool is_started = false;
  bool is_paused = false;
  bool is_running = false;  // inside a callback
  std::deque<Bytes> received;
  std::optional<Error> end;
  bool end_told = false;

  std::deque<Bytes> unsent;
  std::size_t unsent_bytes = 0;
  std::size_t in_flight_bytes = 0;
  TimePoint last_arrival{};
  std::deque<Bytes> held;  // dropped by a blocked path; sent again after healing
  std::uint64_t hold_episode = 0;
};

/// A listening port. Shared by the SimListener and by connections being made.
struct SimAcceptor : std::enable_shared_from_this<SimAcceptor> {
  SimAcceptor(SimWorld& in, SimLoop& on, net::Endpoint where, Transport::Accepted then)
      : world(in), loop(on), at(where), accepted(std::move(then)) {}

  [[nodiscard]] bool is_full() const noexcept { return backlog.size() >= backlog_limit; }

  void offer(std::shared_ptr<SimSocket> socket) {
    backlog.push_back(std::move(socket));
    loop.run([self = shared_from_this()] { self->pump(); });
  }

  void pump();

  SimWorld& world;
  SimLoop& loop;
  const net::Endpoint at;
  Transport::Accepted accepted;
  std::vector<net::Endpoint> bound;
  std::deque<std::shared_ptr<SimSocket>> backlog;
  bool is_paused = false;
  bool is_closed = false;
  bool is_running = false;
};

/// A bound port for datagrams. Shared by the SimDatagrams and by what is on the way to it.
struct SimPort : std::enable_shared_from_this<SimPort> {
  SimPort(SimLoop& on, net::Endpoint where, std::vector<net::Endpoint> endpoints,
          Datagrams::Callbacks then)
      : loop(on), at(where), bound(std::move(endpoints)), callbacks(std::move(then)) {}

  SimLoop& loop;
  net::Endpoint at;
  std::vector<net::Endpoint> bound;
  Datagrams::Callbacks callbacks;
  bool is_closed = false;
};

class SimDatagrams final : public Datagrams {
 public:
  SimDatagrams(SimWorld& world, std::shared_ptr<SimPort> port)
      : world_(world), port_(std::move(port)) {
    for (const net::Endpoint& endpoint : port_->bound) {
      world_.network().ports_.emplace(endpoint, port_.get());
    }
  }
  ~SimDatagrams() override {
    port_->is_closed = true;
    for (const net::Endpoint& endpoint : port_->bound) {
      world_.network().ports_.erase(endpoint);
    }
  }

  [[nodiscard]] Result<> send(const net::Endpoint& to, ByteView octets,
                              const net::IpAddress& from) override {
    const std::string attempt = "send to " + to_string(to);
    if (octets.size() > max_datagram_bytes) {
      return fail(EMSGSIZE, attempt);
    }
    const auto source = source_for(to.address, from);
    if (source == port_->bound.end()) {
      return fail(from.is_unspecified() ? ENETUNREACH : EINVAL, attempt);
    }
    SimNetwork& network = world_.network();
    if (!network.loses(source->address, to.address)) {
      world_.schedule(network.travel_time(source->address, to.address), nullptr,
                      [&world = world_, from = *source, to, back = std::weak_ptr(port_),
                       octets = Bytes(octets.begin(), octets.end())] {
                        arrive(world, from, to, octets, back);
                      });
    }
    return {};
  }
  [[nodiscard]] net::Endpoint local() const noexcept override { return port_->at; }

 private:
  /// The one that was asked for; else the receiver's own, so that it talks to itself; else the
  /// first.
  [[nodiscard]] std::vector<net::Endpoint>::const_iterator source_for(
      const net::IpAddress& to, const net::IpAddress& from) const {
    const auto is = [](const net::IpAddress& wanted) {
      return [&wanted](const net::Endpoint& own) { return own.address == wanted; };
    };
    const auto& own = port_->bound;
    if (!from.is_unspecified()) {
      return std::find_if(own.begin(), own.end(), is(from));
    }
    const auto itself = std::find_if(own.begin(), own.end(), is(to));
    return itself != own.end() ? itself
                               : std::find_if(own.begin(), own.end(), [&](const auto& endpoint) {
                                   return endpoint.address.family == to.family;
                                 });
  }

  static void arrive(SimWorld& world, const net::Endpoint& from, const net::Endpoint& to,
                     const Bytes& octets, const std::weak_ptr<SimPort>& sender) {
    SimNetwork& network = world.network();
    if (network.is_blocked(from.address, to.address) || network.addresses_.count(to.address) == 0) {
      return;
    }
    const auto found = network.ports_.find(to);
    if (found == network.ports_.end()) {
      if (!network.loses(to.address, from.address)) {
        world.schedule(network.travel_time(to.address, from.address), nullptr,
                       [&world, from, to, sender] { refuse(world, from, to, sender); });
      }
      return;
    }
    world.record(digest_of(octets));
    SimPort& port = *found->second;
    port.loop.run([&, alive = port.shared_from_this()] {
      port.callbacks.on_datagram({from, to.address, octets});
    });
  }

  /// The answer that nobody has bound the port is back.
  static void refuse(SimWorld& world, const net::Endpoint& from, const net::Endpoint& to,
                     const std::weak_ptr<SimPort>& sender) {
    const auto port = sender.lock();
    if (port && !port->is_closed && port->callbacks.on_error &&
        !world.network().is_blocked(to.address, from.address)) {
      port->loop.run([&] {
        port->callbacks.on_error(to, Error{std::error_code(ECONNREFUSED, std::generic_category()),
                                           "reach " + to_string(to)});
      });
    }
  }

  SimWorld& world_;
  const std::shared_ptr<SimPort> port_;
};

class SimStream final : public Stream {
 public:
  explicit SimStream(std::shared_ptr<SimSocket> socket) : socket_(std::move(socket)) {
    socket_->world.network().sockets_.emplace(socket_->id, socket_.get());
  }
  ~SimStream() override {
    socket_->world.network().sockets_.erase(socket_->id);
    socket_->abandon();
  }

  void start(Callbacks callbacks) override {
    socket_->callbacks = std::move(callbacks);
    socket_->is_started = true;
    socket_->schedule_pump();
  }
  void pause() override { socket_->is_paused = true; }
  void resume() override {
    socket_->is_paused = false;
    socket_->schedule_pump();
  }
  void write(Bytes octets) override { socket_->write(std::move(octets)); }
  [[nodiscard]] std::size_t queued_bytes() const noexcept override { return socket_->unsent_bytes; }
  [[nodiscard]] net::Endpoint local() const noexcept override { return socket_->local; }
  [[nodiscard]] net::Endpoint remote() const noexcept override { return socket_->remote; }

 private:
  std::shared_ptr<SimSocket> socket_;
};

class SimListener final : public Listener {
 public:
  explicit SimListener(std::shared_ptr<SimAcceptor> acceptor) : acceptor_(std::move(acceptor)) {}
  ~SimListener() override {
    for (const net::Endpoint& at : acceptor_->bound) {
      acceptor_->world.network().acceptors_.erase(at);
    }
    acceptor_->is_closed = true;
    for (const auto& socket : std::exchange(acceptor_->backlog, {})) {
      socket->abandon();
    }
    if (!acceptor_->is_running) {
      acceptor_->accepted = {};
    }
  }
  [[nodiscard]] net::Endpoint local() const noexcept override { return acceptor_->at; }
  void pause() override { acceptor_->is_paused = true; }
  void resume() override {
    acceptor_->is_paused = false;
    acceptor_->loop.post([acceptor = acceptor_] { acceptor->pump(); });
  }

 private:
  std::shared_ptr<SimAcceptor> acceptor_;
};

/// One attempt to connect, with TCP's repeated requests while the path is silent.
class SimDial : public std::enable_shared_from_this<SimDial> {
 public:
  SimDial(SimWorld& world, SimLoop& loop, net::Endpoint local, net::Endpoint remote,
          Transport::Dialled done)
      : world_(world), loop_(loop), local_(local), remote_(remote), done_(std::move(done)) {}

  void start(Duration timeout) {
    const auto failing = network().failing_dials_.find({local_.address, remote_.address});
    if (failing != network().failing_dials_.end()) {
      fail_later(network().travel_time(local_.address, remote_.address),
                 Error{std::error_code(failing->second, std::generic_category()), attempt()});
      return;
    }
    fail_later(timeout, Error{make_error_code(Errc::timeout), attempt()});
    send_request(first_syn_retry);
  }

  void fail_later(Duration delay, Error reason) {
    world_.schedule(delay, nullptr, [self = shared_from_this(), reason = std::move(reason)] {
      self->finish(tl::unexpected(reason));
    });
  }

  void cancel() noexcept {
    is_over_ = true;
    done_ = {};
  }

  [[nodiscard]] std::string attempt() const { return "connect to " + to_string(remote_); }

 private:
  [[nodiscard]] SimNetwork& network() const { return world_.network(); }

  void send_request(Duration retry) {
    if (is_over_) {
      return;
    }
    world_.schedule(network().travel_time(local_.address, remote_.address), nullptr,
                    [self = shared_from_this()] { self->arrive(); });
    world_.schedule(retry, nullptr,
                    [self = shared_from_this(), retry] { self->send_request(retry * 2); });
  }

  /// The request reaches the other node.
  void arrive() {
    if (is_over_ || network().is_blocked(local_.address, remote_.address) ||
        network().addresses_.count(remote_.address) == 0) {
      return;
    }
    const SimAcceptor* const acceptor = network().find_acceptor(remote_);
    if (acceptor != nullptr && acceptor->is_full()) {
      return;
    }
    world_.schedule(network().travel_time(remote_.address, local_.address), nullptr,
                    [self = shared_from_this(), is_refused = acceptor == nullptr] {
                      self->answer(is_refused);
                    });
  }

  /// The answer is back.
  void answer(bool is_refused) {
    if (is_over_ || network().is_blocked(remote_.address, local_.address)) {
      return;
    }
    SimAcceptor* const acceptor = network().find_acceptor(remote_);
    if (is_refused || acceptor == nullptr) {
      finish(fail(ECONNREFUSED, attempt()));
      return;
    }
    auto ours =
        std::make_shared<SimSocket>(world_, loop_, network().next_socket_++, local_, remote_);
    auto theirs = std::make_shared<SimSocket>(world_, acceptor->loop, network().next_socket_++,
                                              remote_, local_);
    ours->peer = theirs;
    theirs->peer = ours;
    world_.schedule(ours->next_arrival(), nullptr, [theirs, at = acceptor->weak_from_this()] {
      const auto to = at.lock();
      if (to && !to->is_closed &&
          !theirs->world.network().is_blocked(theirs->remote.address, theirs->local.address)) {
        to->offer(theirs);
      } else {
        theirs->abandon();
      }
    });
    finish(std::make_unique<SimStream>(std::move(ours)));
  }

  void finish(Result<std::unique_ptr<Stream>> outcome) {
    if (std::exchange(is_over_, true)) {
      return;
    }
    loop_.run([done = std::exchange(done_, {}), outcome = std::move(outcome)]() mutable {
      done(std::move(outcome));
    });
  }

  SimWorld& world_;
  SimLoop& loop_;
  const net::Endpoint local_;
  const net::Endpoint remote_;
  Transport::Dialled done_;
  bool is_over_ = false;
};

namespace {

class PendingDial final : public Pending {
 public:
  explicit PendingDial(std::shared_ptr<SimDial> dial) : dial_(std::move(dial)) {}
  ~PendingDial() override { dial_->cancel(); }

 private:
  std::shared_ptr<SimDial> dial_;
};

class PendingResolve final : public Pending {
 public:
  explicit PendingResolve(Timer answer) : answer_(std::move(answer)) {}

 private:
  Timer answer_;
};

}  // namespace

void SimAcceptor::pump() {
  while (!is_paused && !is_closed && !is_running && !backlog.empty()) {
    auto stream = std::make_unique<SimStream>(std::move(backlog.front()));
    backlog.pop_front();
    is_running = true;
    accepted(std::move(stream));
    is_running = false;
  }
  if (is_closed && !is_running) {
    accepted = {};
  }
}

Duration SimSocket::travel() {
  return world.network().travel_time(local.address, remote.address);
}

SimNetwork::SimNetwork(SimWorld& world) : world_(world) {}
SimNetwork::~SimNetwork() = default;

SimNetwork::Address SimNetwork::next_address() {
  return Address::v4(next_address_++);
}

void SimNetwork::add_name(std::string host, Group addresses) {
  names_[std::move(host)] = std::move(addresses);
}

std::size_t SimNetwork::lookups(const std::string& host) const {
  const auto found = lookups_.find(host);
  return found == lookups_.end() ? 0 : found->second;
}

Result<SimNetwork::Group> SimNetwork::look_up(const std::string& host) const {
  if (const auto literal = net::parse_ip(host)) {
    return Group{*literal};
  }
  const auto found = names_.find(host);
  return found != names_.end() && !found->second.empty()
             ? Result<Group>(found->second)
             : fail(Errc::not_found, fmt::format("resolve '{}'", host));
}

void SimNetwork::set_delay(const Address& a, const Address& b, LinkDelay delay) {
  delays_[{a, b}] = delay;
  delays_[{b, a}] = delay;
}

void SimNetwork::set_loss(const Address& a, const Address& b, double share) {
  losses_[{a, b}] = share;
  losses_[{b, a}] = share;
}

bool SimNetwork::loses(const Address& from, const Address& to) {
  const auto found = losses_.find({from, to});
  return found != losses_.end() &&
         static_cast<double>(world_.random() >> 11U) * 0x1.0p-53 < found->second;
}

void SimNetwork::block(const Address& from, const Address& to) {
  blocked_.emplace(from, to);
}

void SimNetwork::partition(const Group& a, const Group& b) {
  for (const Address& left : a) {
    for (const Address& right : b) {
      block(left, right);
      block(right, left);
    }
  }
}

void SimNetwork::unblock(const Address& from, const Address& to) {
  if (blocked_.erase({from, to}) > 0) {
    release_held({from, to});
  }
}

void SimNetwork::heal() {
  for (const Pair& direction : std::exchange(blocked_, {})) {
    release_held(direction);
  }
}

bool SimNetwork::is_blocked(const Address& from, const Address& to) const {
  return !blocked_.empty() && blocked_.count({from, to}) > 0;
}

void SimNetwork::fail_dials(const Address& from, const Address& to, int errno_value) {
  if (errno_value == 0) {
    failing_dials_.erase({from, to});
  } else {
    failing_dials_[{from, to}] = errno_value;
  }
}

void SimNetwork::reset_streams(const Address& a, const Address& b) {
  std::vector<std::shared_ptr<SimSocket>> hit;
  for (const auto& [id, socket] : sockets_) {
    if ((socket->local.address == a && socket->remote.address == b) ||
        (socket->local.address == b && socket->remote.address == a)) {
      hit.push_back(socket->shared_from_this());
    }
  }
  for (const auto& socket : hit) {
    socket->finish(Error{std::error_code(ECONNRESET, std::generic_category()),
                         "use stream with " + to_string(socket->remote)});
  }
}

Duration SimNetwork::travel_time(const Address& from, const Address& to) {
  const auto found = delays_.find({from, to});
  const LinkDelay& delay = found != delays_.end() ? found->second : default_delay_;
  const auto jitter = static_cast<std::uint64_t>(delay.jitter.count());
  return delay.latency + (jitter == 0
                              ? Duration{0}
                              : Duration{static_cast<std::int64_t>(world_.random() % jitter)});
}

SimAcceptor* SimNetwork::find_acceptor(const net::Endpoint& at) {
  const auto found = acceptors_.find(at);
  return found == acceptors_.end() ? nullptr : found->second;
}

void SimNetwork::release_held(const Pair& direction) {
  std::vector<std::shared_ptr<SimSocket>> waiting;
  for (const auto& [id, socket] : sockets_) {
    if (Pair{socket->local.address, socket->remote.address} == direction) {
      waiting.push_back(socket->shared_from_this());
    }
  }
  for (const auto& socket : waiting) {
    socket->release_held();
  }
}

SimTransport::SimTransport(SimWorld& world, SimLoop& loop, std::vector<net::IpAddress> addresses)
    : world_(world), loop_(loop), addresses_(std::move(addresses)) {
  world_.network().addresses_.insert(addresses_.begin(), addresses_.end());
}

std::optional<net::IpAddress> SimTransport::source_for(const net::IpAddress& remote) const {
  if (std::find(addresses_.begin(), addresses_.end(), remote) != addresses_.end()) {
    return remote;
  }
  for (const net::IpAddress& address : addresses_) {
    if (address.family == remote.family) {
      return address;
    }
  }
  return std::nullopt;
}

std::vector<net::Endpoint> SimTransport::endpoints_of(const net::Endpoint& at) const {
  std::vector<net::Endpoint> endpoints;
  for (const net::IpAddress& address : addresses_) {
    const bool takes_any =
        at.address.is_unspecified() && (!at.address.is_v4() || address.family == at.address.family);
    if (takes_any || address == at.address) {
      endpoints.push_back({address, at.port});
    }
  }
  return endpoints;
}

Result<std::unique_ptr<Listener>> SimTransport::listen(net::Endpoint at, Accepted accepted) {
  SimNetwork& network = world_.network();
  if (at.port == 0) {
    at.port = network.next_port_++;
  }
  std::vector<net::Endpoint> bound = endpoints_of(at);
  if (bound.empty()) {
    return fail(EADDRNOTAVAIL, "listen on " + to_string(at));
  }
  for (const net::Endpoint& endpoint : bound) {
    if (network.find_acceptor(endpoint) != nullptr) {
      return fail(EADDRINUSE, "listen on " + to_string(at));
    }
  }
  auto acceptor = std::make_shared<SimAcceptor>(world_, loop_, at, std::move(accepted));
  for (const net::Endpoint& endpoint : bound) {
    network.acceptors_.emplace(endpoint, acceptor.get());
  }
  acceptor->bound = std::move(bound);
  return std::make_unique<SimListener>(std::move(acceptor));
}

Result<std::unique_ptr<Datagrams>> SimTransport::bind_datagrams(net::Endpoint at,
                                                                Datagrams::Callbacks callbacks) {
  SimNetwork& network = world_.network();
  if (at.port == 0) {
    at.port = network.next_port_++;
  }
  auto bound = endpoints_of(at);
  if (bound.empty()) {
    return fail(EADDRNOTAVAIL, "bind " + to_string(at));
  }
  for (const net::Endpoint& endpoint : bound) {
    if (network.ports_.count(endpoint) > 0) {
      return fail(EADDRINUSE, "bind " + to_string(at));
    }
  }
  auto port = std::make_shared<SimPort>(loop_, at, std::move(bound), std::move(callbacks));
  return std::make_unique<SimDatagrams>(world_, std::move(port));
}

std::unique_ptr<Pending> SimTransport::dial(net::Endpoint remote, Duration timeout, Dialled done) {
  SimNetwork& network = world_.network();
  const auto source = source_for(remote.address);
  net::Endpoint local{source.value_or(net::IpAddress{}), network.next_port_};
  network.next_port_ = network.next_port_ < 60999 ? static_cast<std::uint16_t>(local.port + 1)
                                                  : std::uint16_t{32768};
  auto dial = std::make_shared<SimDial>(world_, loop_, local, remote, std::move(done));
  if (source) {
    dial->start(timeout);
  } else {
    dial->fail_later(Duration{0},
                     Error{std::error_code(ENETUNREACH, std::generic_category()), dial->attempt()});
  }
  return std::make_unique<PendingDial>(std::move(dial));
}

std::unique_ptr<Pending> SimTransport::resolve(std::string host, Resolved done) {
  SimNetwork& network = world_.network();
  ++network.lookups_[host];
  const bool is_literal = net::parse_ip(host).has_value();
  return std::make_unique<PendingResolve>(
      loop_.after(is_literal ? Duration{0} : network.name_delay_,
                  [&network, host = std::move(host), done = std::move(done)]() mutable {
                    done(network.look_up(host));
                  }));
}

}  // namespace weft::testing
