#pragma once
/// The network of a simulated world: addresses, streams and datagrams between them, its faults.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weft/transport.hpp>

namespace weft::testing {

class SimWorld;
class SimLoop;
struct SimSocket;
struct SimAcceptor;
struct SimPort;

/// How long octets travel in one direction: `latency` plus up to `jitter`, never overtaking.
struct LinkDelay {
  Duration latency = std::chrono::microseconds{500};
  Duration jitter = std::chrono::microseconds{200};
};

/// Streams behave as TCP does between real nodes: a broken path is silence, what is in flight
/// waits and arrives after healing, a closed process answers with a reset. Datagrams behave as UDP
/// does: they take as long as octets of streams, overtake each other, and are lost where a path is
/// broken; a node answers for a port that nobody has bound. Owned by the world.
class SimNetwork {
 public:
  explicit SimNetwork(SimWorld& world);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  using Address = net::IpAddress;
  using Group = std::vector<Address>;

  /// A fresh address: 10.0.0.1, 10.0.0.2, ...
  [[nodiscard]] Address next_address();
  /// Makes `host` resolve to `addresses`; without any, it is not found.
  void add_name(std::string host, Group addresses);
  /// Lookups that begin from now on take so long, and answer what is known then.
  void delay_names(Duration delay) { name_delay_ = delay; }
  /// How often `host` was looked up.
  [[nodiscard]] std::size_t lookups(const std::string& host) const;

  void set_default_delay(LinkDelay delay) { default_delay_ = delay; }
  /// Both directions.
  void set_delay(const Address& a, const Address& b, LinkDelay delay);

  /// Loses this share of the datagrams, 0 to 1, in both directions.
  void set_loss(const Address& a, const Address& b, double share);

  /// Drops everything from `from` to `to` silently, as a firewall or a cut cable does.
  void block(const Address& from, const Address& to);
  /// Blocks both directions between every address of `a` and every address of `b`.
  void partition(const Group& a, const Group& b);
  void unblock(const Address& from, const Address& to);
  /// Ends every block; held octets arrive.
  void heal();
  [[nodiscard]] bool is_blocked(const Address& from, const Address& to) const;

  /// Dials from `from` to `to` answer `errno_value` at once; 0 ends that.
  void fail_dials(const Address& from, const Address& to, int errno_value);
  /// Resets every stream between the two addresses, on both sides.
  void reset_streams(const Address& a, const Address& b);

  /// Streams that are open now, counting both sides.
  [[nodiscard]] std::size_t open_sockets() const noexcept { return sockets_.size(); }

 private:
  friend class SimTransport;
  friend class SimStream;
  friend class SimListener;
  friend class SimDial;
  friend class SimDatagrams;
  friend struct SimSocket;
  using Pair = std::pair<Address, Address>;

  [[nodiscard]] Result<Group> look_up(const std::string& host) const;
  [[nodiscard]] Duration travel_time(const Address& from, const Address& to);
  [[nodiscard]] SimAcceptor* find_acceptor(const net::Endpoint& at);
  void release_held(const Pair& direction);
  [[nodiscard]] bool loses(const Address& from, const Address& to);

  SimWorld& world_;
  LinkDelay default_delay_;
  std::map<Pair, LinkDelay> delays_;
  std::map<Pair, double> losses_;
  std::set<Pair> blocked_;
  std::map<Pair, int> failing_dials_;
  std::map<std::string, Group> names_;
  std::map<std::string, std::size_t> lookups_;
  Duration name_delay_{0};
  std::map<net::Endpoint, SimAcceptor*> acceptors_;
  std::map<net::Endpoint, SimPort*> ports_;      // of datagrams
  std::map<std::uint64_t, SimSocket*> sockets_;  // by age, so that healing is deterministic
  std::set<Address> addresses_;                  // that some node has
  std::uint64_t next_socket_ = 1;
  std::uint32_t next_address_ = 0x0A000001;  // 10.0.0.1
  std::uint16_t next_port_ = 32768;          // Linux: ip_local_port_range
};

/// A plugin's transport on a node with `addresses`. Owned by the test's host.
class SimTransport final : public Transport {
 public:
  SimTransport(SimWorld& world, SimLoop& loop, std::vector<net::IpAddress> addresses);

  [[nodiscard]] Result<std::unique_ptr<Listener>> listen(net::Endpoint at,
                                                         Accepted accepted) override;
  [[nodiscard]] Result<std::unique_ptr<Datagrams>> bind_datagrams(
      net::Endpoint at, Datagrams::Callbacks callbacks) override;
  [[nodiscard]] std::unique_ptr<Pending> dial(net::Endpoint remote, Duration timeout,
                                              Dialled done) override;
  [[nodiscard]] std::unique_ptr<Pending> resolve(std::string host, Resolved done) override;

 private:
  [[nodiscard]] std::vector<net::Endpoint> endpoints_of(const net::Endpoint& at) const;
  [[nodiscard]] std::optional<net::IpAddress> source_for(const net::IpAddress& remote) const;

  SimWorld& world_;
  SimLoop& loop_;
  std::vector<net::IpAddress> addresses_;
};

}  // namespace weft::testing
