#pragma once
/// Accepting connections: whose turn it is, and who makes room. Nothing here makes a peer wait for
/// what others do: a connection is served or closed at once.

#include <cstdint>
#include <memory>

#include <weft/function.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/net/ip.hpp>
#include <weft/transport.hpp>

#include "gossip/accept_limiter.hpp"
#include "gossip/connection_maker.hpp"
#include "gossip/link.hpp"
#include "gossip/log_limiter.hpp"

namespace weft::gossip {

/// Used on the mesh's loop only.
class Acceptor {
 public:
  struct Environment {
    Loop& loop;
    Transport& transport;
    Log& log;
    Metrics& metrics;
    LogLimiter& log_limiter;  ///< of what strangers cause
    Links& links;
    const ConnectionMaker& maker;  ///< knows where peers may be
  };
  using Accepted = UniqueFunction<void(std::unique_ptr<Stream>)>;

  /// `places`: how many accepted connections may be without an introduction at once.
  Acceptor(const Environment& environment, net::Endpoint listen, std::uint32_t places,
           Accepted accepted);

  /// Listens. Errors: the errno of listening.
  [[nodiscard]] Result<> start();
  /// Where it listens, or will.
  [[nodiscard]] net::Endpoint local() const noexcept;

 private:
  void on_accepted(std::unique_ptr<Stream> stream);
  [[nodiscard]] bool is_known(const net::IpAddress& address) const;
  void make_room(const net::IpAddress& newcomer, bool is_newcomer_known);
  void crowd_out(Connection::Id id);

  Environment env_;
  const net::Endpoint listen_;
  const std::uint32_t places_;
  Accepted accepted_;
  AcceptLimiter limiter_;
  Counter& refused_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace weft::gossip
