#pragma once
/// Byte streams and datagrams: TCP and UDP in production, a virtual network in a simulation.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/function.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>

namespace weft {

/// One connected byte stream. Owned by the plugin that dialled or accepted it; used on that
/// plugin's loop only. Destroying it closes it at once (TCP: with a reset, what was queued is
/// lost) and no callback runs afterwards.
class Stream {
 public:
  /// Called on the owner's loop. A callback may destroy the stream.
  struct Callbacks {
    UniqueFunction<void(ByteView)> on_data;     ///< some octets, in order; valid during the call
    UniqueFunction<void(const Error&)> on_end;  ///< once: closed by the peer, or failed
    UniqueFunction<void()> on_drained;          ///< everything written so far left our queue
  };

  virtual ~Stream() = default;

  /// Begins delivering. Nothing is read from the peer before this.
  virtual void start(Callbacks callbacks) = 0;
  /// Stops and resumes reading: back-pressure towards the peer.
  virtual void pause() = 0;
  virtual void resume() = 0;

  /// Queues octets. Never blocks. Failures arrive through on_end.
  virtual void write(Bytes octets) = 0;
  /// Octets written but not yet taken by the kernel.
  [[nodiscard]] virtual std::size_t queued_bytes() const noexcept = 0;

  [[nodiscard]] virtual net::Endpoint local() const noexcept = 0;
  [[nodiscard]] virtual net::Endpoint remote() const noexcept = 0;
};

/// Accepts streams until it is destroyed.
class Listener {
 public:
  virtual ~Listener() = default;
  /// Where it really listens: the port is never 0.
  [[nodiscard]] virtual net::Endpoint local() const noexcept = 0;
  /// Stops and resumes taking connections; meanwhile they wait in the backlog.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

/// What somebody sent to one of our ports.
struct Datagram {
  net::Endpoint from;
  net::IpAddress to;  ///< the address of ours that it was sent to
  ByteView octets;    ///< valid during the call
};

/// One bound UDP port. Owned by the plugin that bound it; used on that plugin's loop only.
/// Destroying it closes it, and no callback runs afterwards. As UDP is: datagrams get lost,
/// overtake each other, and whoever is not read fast enough loses the newest. For control code;
/// what carries pods' packets has sockets of its own on lanes.
class Datagrams {
 public:
  /// Called on the owner's loop. A callback may destroy the object.
  struct Callbacks {
    UniqueFunction<void(const Datagram&)> on_datagram;
    /// Optional. What the path answered to a datagram that was sent to `to`: ECONNREFUSED (nobody
    /// has bound that port), EHOSTUNREACH, ENETUNREACH, EMSGSIZE (a link on the path takes less).
    /// Anybody can forge it: a reason to look, not to give up.
    UniqueFunction<void(const net::Endpoint& to, const Error&)> on_error;
  };

  virtual ~Datagrams() = default;

  /// Sends one datagram, at once or not at all. `from`: an address of ours that the receiver is to
  /// see, as for an answer to Datagram::to; unspecified: the one that the route there has.
  /// Errors: the kernel's: EMSGSIZE, larger than UDP carries; ENETUNREACH; EAGAIN, its buffer is
  /// full; EAFNOSUPPORT, another family than the port was bound for.
  [[nodiscard]] virtual Result<> send(const net::Endpoint& to, ByteView octets,
                                      const net::IpAddress& from = {}) = 0;

  /// Where it is bound: the port is never 0.
  [[nodiscard]] virtual net::Endpoint local() const noexcept = 0;
};

/// An outstanding request. Destroying it cancels it: the callback will not run.
class Pending {
 public:
  virtual ~Pending() = default;
};

/// One per plugin, owned by the host. Use on the plugin's loop; callbacks run there.
class Transport {
 public:
  using Accepted = UniqueFunction<void(std::unique_ptr<Stream>)>;
  using Dialled = UniqueFunction<void(Result<std::unique_ptr<Stream>>)>;
  using Resolved = UniqueFunction<void(Result<std::vector<net::IpAddress>>)>;

  /// Listens on `at`; port 0 picks a free one; an unspecified IPv6 address takes both families. A
  /// connection that was reset before its turn came is not handed out.
  /// Errors: the errno of socket, bind or listen.
  [[nodiscard]] virtual Result<std::unique_ptr<Listener>> listen(net::Endpoint at,
                                                                 Accepted accepted) = 0;
  /// Binds a UDP port; port 0 picks a free one; an unspecified IPv6 address takes both families.
  /// Errors: the errno of socket or bind.
  [[nodiscard]] virtual Result<std::unique_ptr<Datagrams>> bind_datagrams(
      net::Endpoint at, Datagrams::Callbacks callbacks) = 0;
  /// Connects to `remote`; `done` gets the stream or the errno of connect, or Errc::timeout.
  [[nodiscard]] virtual std::unique_ptr<Pending> dial(net::Endpoint remote, Duration timeout,
                                                      Dialled done) = 0;
  /// Looks a host name or literal address up. Errors: Errc::not_found.
  [[nodiscard]] virtual std::unique_ptr<Pending> resolve(std::string host, Resolved done) = 0;

 protected:
  ~Transport() = default;
};

}  // namespace weft
