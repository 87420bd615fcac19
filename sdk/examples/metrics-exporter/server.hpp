#pragma once
/// Serves one page to a few clients, and lets none of them hold the node up.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/service/metrics.hpp>
#include <weft/transport.hpp>

#include "http.hpp"

namespace weft::metrics_exporter {

struct Limits {
  std::size_t connections = 16;  ///< more wait until one is closed
  Duration patience{};           ///< for a whole request, a whole answer, the client's close
};

/// Owned by the plugin, used on its loop.
class Server {
 public:
  struct Node {
    Loop& loop;
    Transport& transport;
    Metrics& metrics;
    MetricsReader& reader;
  };

  Server(const Node& node, const Limits& limits);
  ~Server();

  /// Errors: the errno of socket, bind or listen.
  [[nodiscard]] Result<> start(const net::Endpoint& listen);
  /// Closes everything.
  void stop() noexcept;

  /// While it runs; the port is never 0.
  [[nodiscard]] net::Endpoint local() const { return listener_->local(); }
  [[nodiscard]] std::size_t connection_count() const noexcept { return connections_.size(); }

 private:
  struct Connection;
  using Id = std::uint64_t;

  void accept(std::unique_ptr<Stream> stream);
  void receive(Id id, ByteView octets);
  /// Begins the next request, if it is there and the last one was answered.
  void advance(Id id);
  void serve(Id id, const Request& request);
  void respond(Id id, const Response& response, bool has_body);
  void drained(Id id);
  void give_time(Id id);
  void close(Id id);

  Node node_;
  Limits limits_;
  Counter& dropped_;
  Id next_id_ = 0;
  std::map<Id, std::unique_ptr<Connection>> connections_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace weft::metrics_exporter
