/// Requests are parsed by Boost.Beast, which needs no I/O for it.

#include "http.hpp"

#include <fmt/core.h>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace weft::metrics_exporter {
namespace {

namespace http = boost::beast::http;

std::string_view reason(Status status) noexcept {
  switch (status) {
    case Status::ok:
      return "OK";
    case Status::bad_request:
      return "Bad Request";
    case Status::not_found:
      return "Not Found";
    case Status::method_not_allowed:
      return "Method Not Allowed";
    case Status::header_too_large:
      return "Request Header Fields Too Large";
    case Status::unavailable:
      break;
  }
  return "Service Unavailable";
}

/// HTTP/1.1 demands one Host field. Source: RFC 9112 section 3.2.
bool has_valid_host(const http::request<http::empty_body>& request) {
  return request.version() < 11 || request.count(http::field::host) == 1;
}

}  // namespace

void RequestReader::append(ByteView octets) {
  pending_.append(reinterpret_cast<const char*>(octets.data()), octets.size());
}

RequestReader::Outcome RequestReader::next() {
  if (pending_.empty()) {
    return {};
  }
  http::request_parser<http::empty_body> parser;
  parser.header_limit(max_request_bytes);
  parser.skip(true);  // the body
  boost::system::error_code error;
  const std::size_t used =
      parser.put(boost::asio::const_buffer(pending_.data(), pending_.size()), error);
  if (error == http::error::need_more && pending_.size() < max_request_bytes) {
    return {};
  }
  if (error == http::error::header_limit || error == http::error::need_more) {
    return {std::nullopt, Status::header_too_large};
  }
  if (error || !parser.is_header_done() || !has_valid_host(parser.get())) {
    return {std::nullopt, Status::bad_request};
  }
  pending_.erase(0, used);
  const auto& request = parser.get();
  const bool has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
  return {Request{std::string(request.method_string()), std::string(request.target()),
                  request.keep_alive() && !has_body},
          std::nullopt};
}

bool has_path(const Request& request, std::string_view path) noexcept {
  return std::string_view(request.target).substr(0, request.target.find('?')) == path;
}

Response refuse(Status status) {
  return {.status = status, .body = fmt::format("{}\n", reason(status)), .is_kept_alive = false};
}

Bytes write(const Response& response, bool has_body) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
                                 static_cast<int>(response.status), reason(response.status),
                                 response.content_type, response.body.size());
  if (response.status == Status::method_not_allowed) {
    text += "Allow: GET, HEAD\r\n";
  }
  text += response.is_kept_alive ? "\r\n" : "Connection: close\r\n\r\n";
  if (has_body) {
    text += response.body;
  }
  const auto octets = std::as_bytes(std::span(text));
  return {octets.begin(), octets.end()};
}

}  // namespace weft::metrics_exporter
