#pragma once
/// The production transport: TCP over Boost.Asio, and UDP.

#include <memory>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/transport.hpp>

#include "runtime/loop/thread_loop.hpp"
#include "runtime/transport/resolver.hpp"

namespace weft {

/// One per plugin, owned by the host; used on the plugin's loop. Every stream has TCP_NODELAY and
/// SO_LINGER 0, so that closing resets. Source: weaveworks/mesh connection.go,
/// startLocalConnection.
class WEFT_EXPORT AsioTransport final : public Transport {
 public:
  /// `resolver` lives at least as long.
  AsioTransport(ThreadLoop& loop, Resolver& resolver);
  ~AsioTransport();
  AsioTransport(const AsioTransport&) = delete;
  AsioTransport& operator=(const AsioTransport&) = delete;

  [[nodiscard]] Result<std::unique_ptr<Listener>> listen(net::Endpoint at,
                                                         Accepted accepted) override;
  [[nodiscard]] Result<std::unique_ptr<Datagrams>> bind_datagrams(
      net::Endpoint at, Datagrams::Callbacks callbacks) override;
  [[nodiscard]] std::unique_ptr<Pending> dial(net::Endpoint remote, Duration timeout,
                                              Dialled done) override;
  [[nodiscard]] std::unique_ptr<Pending> resolve(std::string host, Resolved done) override;

 private:
  struct Gate;

  ThreadLoop& loop_;
  Resolver& resolver_;
  std::shared_ptr<Gate> gate_;  // lets answers of the resolver in
};

}  // namespace weft
