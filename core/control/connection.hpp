#pragma once
/// One client of the control socket.

#include <memory>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>

#include <weft/function.hpp>
#include <weft/loop.hpp>

#include "control/server.hpp"

namespace weft::control {

using LocalSocket = boost::asio::local::stream_protocol::socket;

/// Reads a request, has it run, writes the answer, and again. One deadline timer covers whatever
/// it waits for, except a running command. Lives on the server's loop; its pending I/O owns it.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  using Gone = UniqueFunction<void(const std::shared_ptr<Connection>&)>;

  /// `gone` is called once when the connection ended by itself. `registry` outlives it.
  Connection(LocalSocket socket, Loop& loop, Registry& registry, const ServerLimits& limits,
             Gone gone);

  void start();
  /// Ends it without calling `gone`.
  void close() noexcept;

 private:
  void read_more();
  void on_data(std::size_t length);
  void run(std::string_view line);
  void answer(std::string line, bool is_last);
  void expire_after(std::chrono::milliseconds limit);
  void end();

  LocalSocket socket_;
  Loop& loop_;
  Registry& registry_;
  const ServerLimits limits_;
  Gone gone_;
  std::string input_;
  std::string output_;
  Timer deadline_;  // last: its callback uses the rest
};

}  // namespace weft::control
