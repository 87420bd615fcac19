/// Accepts connections on the control socket and keeps them within their limits.

#include "runtime/control/server.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/local/stream_protocol.hpp>

#include "runtime/control/commands_page.hpp"
#include "runtime/control/connection.hpp"
#include "runtime/control/path_watch.hpp"
#include "runtime/control/places.hpp"
#include "runtime/control/protocol.hpp"
#include "runtime/control/registry.hpp"
#include "runtime/control/socket_path.hpp"
#include "runtime/control/stream.hpp"
#include "runtime/loop/thread_loop.hpp"

namespace weft::control {

namespace asio = boost::asio;

namespace {

constexpr Duration retry_time = std::chrono::seconds{1};

}  // namespace

struct ControlServer::Streams {
  StreamCommands commands;
};

ControlView::ControlView(std::shared_ptr<Registry> registry, Loop& loop)
    : registry_(std::move(registry)), loop_(&loop) {}

Result<CommandRegistration> ControlView::serve_erased(CommandInfo info, Begin begin) {
  return registry_->add(std::move(info), *loop_, std::move(begin));
}

/// The accepting socket and its connections. Lives on the server's loop.
class ControlServer::Listener final : public std::enable_shared_from_this<Listener> {
 public:
  Listener(ControlServer& server, ListeningSocket socket)
      : log_(server.log_),
        loop_(server.loop_),
        limits_(server.limits_),
        registry_(server.registry_),
        streams_(server.streams_->commands),
        places_(server.limits_.connections),
        socket_(std::move(socket)),
        acceptor_(server.loop_.io(), asio::local::stream_protocol(), socket_.release_descriptor()) {
  }

  /// Whoever cleans up /run would otherwise lock the operator and the CNI plugin out.
  void keep_path() {
    auto watch = PathWatch::open(loop_, socket_.path(), [this] { look_at_path(); });
    if (watch) {
      watch_.emplace(*std::move(watch));
      look_at_path();  // what happened before it was watched
    } else {
      log_.warn("control socket not watched: who removes it locks everybody out", "error",
                watch.error());
    }
  }

  void accept_next() {
    acceptor_.async_accept(
        [self = shared_from_this()](const boost::system::error_code& error, LocalSocket socket) {
          if (error == asio::error::operation_aborted) {
            return;
          }
          if (error) {
            // Out of descriptors, most likely: trying again at once would spin.
            self->log_.warn("control connection not accepted", "error", error.message());
            self->retry_ = self->loop_.after(std::chrono::seconds{1},
                                             [listener = self.get()] { listener->accept_next(); });
            return;
          }
          self->admit(std::move(socket));
          self->accept_next();
        });
  }

  void close() noexcept {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    watch_.reset();
    remake_.cancel();
    socket_ = {};  // the path goes now, not when the last handler does
    retry_.cancel();
    for (const auto& connection : std::exchange(connections_, {})) {
      connection->close();
    }
  }

 private:
  void look_at_path() {
    if (!socket_.is_in_place()) {
      remake_ = loop_.after(Duration::zero(), [this] { remake_path(); });
    }
  }

  /// Connections that are open go on. The accept under way ends with the acceptor's descriptor.
  void remake_path() {
    std::error_code ignored;  // the next step says what is wrong with the directory
    std::filesystem::create_directories(std::filesystem::path(socket_.path()).parent_path(),
                                        ignored);
    const auto remade = socket_.remake();
    if (!remade) {
      if (!std::exchange(has_failed_, true)) {
        log_.error("control socket removed by another program, and not made again; trying again",
                   "path", socket_.path(), "error", remade.error());
      }
      remake_ = loop_.after(retry_time, [this] { remake_path(); });
      return;
    }
    has_failed_ = false;
    log_.warn("control socket removed by another program; made again", "path", socket_.path());
    retry_.cancel();
    boost::system::error_code closed;
    acceptor_.close(closed);
    acceptor_.assign(asio::local::stream_protocol(), socket_.release_descriptor(), closed);
    accept_next();
    keep_path();
  }

  void admit(LocalSocket socket) {
    auto place = places_.take();
    if (!place) {
      end_slowest_client();
      place = places_.take();
    }
    if (!place) {
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(
          asio::buffer(format_answer(fail(EAGAIN, "accept the connection: too many are open"))),
          ignored);
      return;
    }
    auto connection = std::make_shared<Connection>(
        std::move(socket), loop_, *registry_, streams_, places_, std::move(place), limits_,
        [weak = weak_from_this()](const std::shared_ptr<Connection>& gone) {
          if (const auto listener = weak.lock()) {
            listener->connections_.erase(gone);
          }
        });
    connections_.insert(connection);
    connection->start();
  }

  /// Whoever asks comes before whoever has not asked yet, asks slowly or does not read its answer.
  void end_slowest_client() {
    std::shared_ptr<Connection> slowest;
    for (const auto& each : connections_) {
      const auto since = each->clients_turn_since();
      if (since && (!slowest || *since < *slowest->clients_turn_since())) {
        slowest = each;
      }
    }
    if (slowest) {
      slowest->end();
    }
  }

  Log& log_;
  Loop& loop_;
  const ServerLimits limits_;
  const std::shared_ptr<Registry> registry_;
  const StreamCommands& streams_;
  Places places_;
  ListeningSocket socket_;
  asio::local::stream_protocol::acceptor acceptor_;
  std::set<std::shared_ptr<Connection>> connections_;
  Timer retry_;
  std::optional<PathWatch> watch_;
  bool has_failed_ = false;  // to make the socket again
  Timer remake_;
};

ControlServer::ControlServer(ThreadLoop& loop, Log& log, std::string path, ServerLimits limits)
    : loop_(loop),
      log_(log),
      path_(std::move(path)),
      limits_(limits),
      registry_(std::make_shared<Registry>()),
      streams_(std::make_unique<Streams>()) {}

ControlServer::~ControlServer() {
  stop();
}

void ControlServer::serve_stream(StreamCommand command) {
  std::string name = command.description.info.name;
  streams_->commands.insert_or_assign(std::move(name), std::move(command));
}

Result<> ControlServer::start() {
  ListeningSocket socket;
  WEFT_TRY(socket, ListeningSocket::open(path_));
  listener_ = std::make_shared<Listener>(*this, std::move(socket));
  listener_->accept_next();
  listener_->keep_path();
  log_.info("control socket open", "path", path_);
  return {};
}

void ControlServer::stop() noexcept {
  if (listener_) {
    std::exchange(listener_, nullptr)->close();
  }
}

std::vector<std::string> ControlServer::commands() const {
  return registry_->names();
}

std::string ControlServer::commands_json() const {
  std::vector<CommandDescription> all = registry_->descriptions();
  for (const auto& [name, stream] : streams_->commands) {
    all.push_back(stream.description);
  }
  std::ranges::sort(all, {}, [](const CommandDescription& each) { return each.info.name; });
  return control::commands_json(all);
}

ControlView ControlServer::view(Loop& loop) const {
  return {registry_, loop};
}

}  // namespace weft::control
