#pragma once
/// The control socket's wire format: one JSON object per line in each direction.
///
///   {"command":"mesh.peers","params":{}}
///   {"ok":true,"result":[...]}
///   {"ok":false,"error":{"code":"not_found","message":"cannot find peer 'x': not found",
///                        "context":"find peer 'x'"}}
///
/// Pure: text in, values out. `params` and `result` stay text, so that neither end builds a tree
/// it does not need.

#include <string>
#include <string_view>

#include <weft/export.hpp>
#include <weft/result.hpp>

namespace weft::control {

inline constexpr std::size_t max_request_bytes = std::size_t{1} << 20;

struct Request {
  std::string command;
  std::string params;  ///< a JSON object as text; "{}" when the request had none
};

/// Reads a request without its newline. Never crashes on foreign text, however deep it nests.
/// Errors: Errc::malformed, not JSON; Errc::invalid, JSON that is not a request.
[[nodiscard]] WEFT_EXPORT Result<Request> parse_request(std::string_view line);

/// One line, with its newline. `params` is a JSON object as text or empty.
/// Errors: Errc::invalid, `params` is not a JSON object.
[[nodiscard]] WEFT_EXPORT Result<std::string> format_request(std::string_view command,
                                                             std::string_view params);

/// One line, with its newline. A result that is not JSON becomes an error: it is our own fault.
[[nodiscard]] WEFT_EXPORT std::string format_answer(const Result<std::string>& answer);

/// The `result` of an answer as JSON text, its members in their order, or the error it carries,
/// with the code it had. Errors of its own: Errc::malformed.
[[nodiscard]] WEFT_EXPORT Result<std::string> parse_answer(std::string_view line);

}  // namespace weft::control
