#pragma once
/// As much of HTTP/1.1 as one page takes: requests read from foreign octets, answers written.
/// Source: RFC 9112 (messages), RFC 9110 (methods and status codes).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <weft/bytes.hpp>

namespace weft::metrics_exporter {

/// Request line and header fields together.
inline constexpr std::size_t max_request_bytes = 8192;

enum class Status : int {
  ok = 200,
  bad_request = 400,
  not_found = 404,
  method_not_allowed = 405,
  header_too_large = 431,
  unavailable = 503,
};

struct Request {
  std::string method;
  std::string target;         ///< path and query, as sent
  bool is_kept_alive = true;  ///< another request may follow on the connection

  bool operator==(const Request&) const = default;
};

/// Collects octets until they are a request. A body is not read: after a request that has one,
/// nothing else on the connection is.
class RequestReader {
 public:
  struct Outcome {
    std::optional<Request> request;  ///< complete; its octets are taken out
    std::optional<Status> refusal;   ///< what arrived can never become a request
  };

  /// Appends what arrived. Foreign octets.
  void append(ByteView octets);
  /// The next request or refusal; neither while more octets are needed.
  [[nodiscard]] Outcome next();
  [[nodiscard]] bool is_empty() const noexcept { return pending_.empty(); }

 private:
  std::string pending_;
};

/// Whether the path of `request` is `path`; a query is ignored.
[[nodiscard]] bool has_path(const Request& request, std::string_view path) noexcept;

struct Response {
  Status status = Status::ok;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  bool is_kept_alive = true;  ///< otherwise the client should close
};

/// A refusal whose body says in words what its status means.
[[nodiscard]] Response refuse(Status status);

/// The octets of a response; without its body, but with its length, in answer to HEAD.
[[nodiscard]] Bytes write(const Response& response, bool has_body);

}  // namespace weft::metrics_exporter
