#pragma once
/// The production transport: TCP over Boost.Asio.

#include <memory>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/transport.hpp>

namespace weft {

/// One per plugin, owned by the host; used on the plugin's loop. Every stream has TCP_NODELAY and
/// SO_LINGER 0, so that closing resets. Source: weaveworks/mesh connection.go,
/// startLocalConnection.
class WEFT_EXPORT AsioTransport final : public Transport {
 public:
  /// `loop` has an io_context: a ThreadLoop.
  explicit AsioTransport(Loop& loop) : loop_(loop) {}

  [[nodiscard]] Result<std::unique_ptr<Listener>> listen(net::Endpoint at,
                                                         Accepted accepted) override;
  [[nodiscard]] std::unique_ptr<Pending> dial(net::Endpoint remote, Duration timeout,
                                              Dialled done) override;
  [[nodiscard]] std::unique_ptr<Pending> resolve(std::string host, Resolved done) override;

 private:
  Loop& loop_;
};

}  // namespace weft
