/// One request after the other on each connection, each within its time.

#include "server.hpp"

#include <utility>

namespace weft::metrics_exporter {
namespace {

constexpr std::string_view page = "/metrics";
// Source: Prometheus documentation, "Exposition formats".
constexpr const char* prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

struct Server::Connection {
  /// Answering reads nothing; lingering waits for the client to close, so that it gets the whole
  /// answer: destroying a stream resets it.
  enum class Phase { reading, answering, lingering };

  std::unique_ptr<Stream> stream;
  RequestReader reader{};
  Phase phase = Phase::reading;
  bool is_last = false;  // the client closes after this answer
  Timer timer{};         // last: its callback closes the connection
};

Server::Server(const Node& node, const Limits& limits)
    : node_(node),
      limits_(limits),
      dropped_(node.metrics.counter("weft_metrics_exporter_dropped_total",
                                    "Connections closed because the client was too slow.", {})) {}

Server::~Server() = default;

Result<> Server::start(const net::Endpoint& listen) {
  WEFT_TRY(listener_, node_.transport.listen(listen, [this](std::unique_ptr<Stream> stream) {
    accept(std::move(stream));
  }));
  return {};
}

void Server::stop() noexcept {
  listener_.reset();
  connections_.clear();
}

void Server::accept(std::unique_ptr<Stream> stream) {
  const Id id = next_id_++;
  Stream& accepted = *stream;
  connections_[id] = std::make_unique<Connection>(Connection{.stream = std::move(stream)});
  if (connections_.size() >= limits_.connections) {
    listener_->pause();
  }
  give_time(id);
  accepted.start({.on_data = [this, id](ByteView octets) { receive(id, octets); },
                  .on_end = [this, id](const Error& /*reason*/) { close(id); },
                  .on_drained = [this, id] { drained(id); }});
}

void Server::receive(Id id, ByteView octets) {
  Connection& connection = *connections_.at(id);
  if (connection.phase == Connection::Phase::lingering) {
    return;  // it asked for the end
  }
  connection.reader.append(octets);
  advance(id);
}

void Server::advance(Id id) {
  Connection& connection = *connections_.at(id);
  if (connection.phase != Connection::Phase::reading) {
    return;
  }
  const RequestReader::Outcome outcome = connection.reader.next();
  if (!outcome.request && !outcome.refusal) {
    return;
  }
  connection.phase = Connection::Phase::answering;
  connection.stream->pause();
  give_time(id);
  if (outcome.refusal) {
    respond(id, refuse(*outcome.refusal), /*has_body=*/true);
  } else {
    serve(id, *outcome.request);
  }
}

void Server::serve(Id id, const Request& request) {
  const bool is_head = request.method == "HEAD";
  if (!has_path(request, page)) {
    respond(id, refuse(Status::not_found), !is_head);
    return;
  }
  if (request.method != "GET" && !is_head) {
    respond(id, refuse(Status::method_not_allowed), /*has_body=*/true);
    return;
  }
  node_.reader.read_prometheus_text(Reply<std::string>(
      node_.loop,
      [this, id, is_head, is_kept_alive = request.is_kept_alive](Result<std::string> text) {
        if (!connections_.contains(id)) {
          return;
        }
        respond(id,
                text ? Response{.content_type = prometheus_type,
                                .body = *std::move(text),
                                .is_kept_alive = is_kept_alive}
                     : refuse(Status::unavailable),
                !is_head);
      }));
}

void Server::respond(Id id, const Response& response, bool has_body) {
  Connection& connection = *connections_.at(id);
  connection.is_last = !response.is_kept_alive;
  connection.stream->write(write(response, has_body));
}

void Server::drained(Id id) {
  Connection& connection = *connections_.at(id);
  connection.phase = connection.is_last ? Connection::Phase::lingering : Connection::Phase::reading;
  give_time(id);
  connection.stream->resume();
  advance(id);
}

void Server::give_time(Id id) {
  Connection& connection = *connections_.at(id);
  connection.timer = node_.loop.after(limits_.patience, [this, id] {
    // Idle between requests is no fault; neither is a client that never closes.
    const Connection& late = *connections_.at(id);
    if (late.phase == Connection::Phase::answering || !late.reader.is_empty()) {
      dropped_.add();
    }
    close(id);
  });
}

void Server::close(Id id) {
  connections_.erase(id);
  if (listener_ && connections_.size() < limits_.connections) {
    listener_->resume();
  }
}

}  // namespace weft::metrics_exporter
