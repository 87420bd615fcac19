#pragma once
/// The node's control socket: commands as JSON lines over a unix socket.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <weft/control.hpp>
#include <weft/export.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/result.hpp>

namespace weft {
class ThreadLoop;
}

namespace weft::control {

class Registry;
struct StreamCommand;

/// A plugin's view of the server: its handlers run on its own loop.
class WEFT_EXPORT ControlView final : public Control {
 public:
  ControlView(std::shared_ptr<Registry> registry, Loop& loop);

 private:
  [[nodiscard]] Result<CommandRegistration> serve_erased(CommandInfo info, Begin begin) override;

  std::shared_ptr<Registry> registry_;
  Loop* loop_;
};

/// What a client may cost. Times are for one connection.
struct ServerLimits {
  std::size_t connections = 512;           ///< the places: see Places for how commands share them
  std::chrono::milliseconds idle{60'000};  ///< between requests
  std::chrono::milliseconds transfer{10'000};  ///< from a request's first byte to its last, and
                                               ///< for the client to take an answer
};

/// Serves until it is stopped. A connection carries requests one after the other; while one runs
/// the next is not read, so a client cannot queue work. Whoever sends too slowly, too much or
/// garbage loses its connection or gets an error, and nobody else notices. Nor does anybody notice
/// those that wait, or hang up while they do. Who comes when there is no room gets EAGAIN.
///
/// Owned by the host; created, started, stopped and destroyed on `loop`, which outlives it.
/// Views work before `start` and stay harmless after `stop`.
class WEFT_EXPORT ControlServer {
 public:
  ControlServer(ThreadLoop& loop, Log& log, std::string path, ServerLimits limits = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Serves a command that opens a stream, as long as the server lives. Before `start`.
  void serve_stream(StreamCommand command);
  /// Errors: as ListeningSocket::open.
  [[nodiscard]] Result<> start();
  /// Closes the socket and every connection. Commands that run on are no longer heard.
  void stop() noexcept;

  /// Of every command that is served now, sorted. Any thread.
  [[nodiscard]] std::vector<std::string> commands() const;
  /// What they and the streams are, as a JSON list. Any thread.
  [[nodiscard]] std::string commands_json() const;

  /// The control server as the plugin living on `loop` sees it. Any thread.
  [[nodiscard]] ControlView view(Loop& loop) const;

 private:
  class Listener;

  ThreadLoop& loop_;
  Log& log_;
  const std::string path_;
  const ServerLimits limits_;
  struct Streams;

  std::shared_ptr<Registry> registry_;
  std::unique_ptr<Streams> streams_;
  std::shared_ptr<Listener> listener_;
};

}  // namespace weft::control
