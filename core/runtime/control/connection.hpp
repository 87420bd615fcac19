#pragma once
/// One client of the control socket.

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>

#include <weft/function.hpp>
#include <weft/loop.hpp>

#include "runtime/control/places.hpp"
#include "runtime/control/registry.hpp"
#include "runtime/control/server.hpp"
#include "runtime/control/stream.hpp"

namespace weft::control {

using LocalSocket = boost::asio::local::stream_protocol::socket;

/// Reads a request, has it run, writes the answer, and again; or, after a command that opens a
/// stream, writes its lines until the client hangs up. One deadline timer covers whatever it waits
/// for, except a running command, which is cancelled when the client hangs up, and a reader of
/// lines, who may take its time. Lives on the server's loop; its pending I/O owns it.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  using Gone = UniqueFunction<void(const std::shared_ptr<Connection>&)>;

  /// `gone` is called once when the connection ended by itself. `registry`, `streams` and `places`
  /// outlive it. `place` is its own.
  Connection(LocalSocket socket, Loop& loop, Registry& registry, const StreamCommands& streams,
             Places& places, Places::Token place, const ServerLimits& limits, Gone gone);

  void start();
  /// Since when it waits for its client: to ask, to finish asking, or to read the answer. Empty
  /// while a command runs.
  [[nodiscard]] std::optional<TimePoint> clients_turn_since() const noexcept {
    return clients_turn_since_;
  }
  void end();
  /// Ends it without calling `gone`.
  void close() noexcept;

 private:
  void wait_for_request();
  void read_more();
  void on_data(std::size_t length);
  void run(std::string_view line);
  void open_stream(const StreamCommand& command, std::string_view params, Places::Token running);
  void write_line(std::string line);
  void write_next_line();
  void end_when_client_hangs_up();
  void answer(std::string line, bool is_last);
  void expire_after(std::chrono::milliseconds limit);

  LocalSocket socket_;
  Loop& loop_;
  Registry& registry_;
  const StreamCommands& streams_;
  Places& places_;
  Places::Token place_;
  const ServerLimits limits_;
  Gone gone_;
  std::string input_;
  std::string output_;
  std::optional<TimePoint> clients_turn_since_;
  Call call_;  // until the client has its answer
  Places::Token streaming_;
  std::unique_ptr<LineStream> lines_;  // set: a stream is open
  bool is_writing_line_ = false;
  Timer deadline_;  // last: its callback uses the rest
};

}  // namespace weft::control
