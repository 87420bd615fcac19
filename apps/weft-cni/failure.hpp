#pragma once
/// Errors as the CNI specification wants them told.

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include <weft/result.hpp>

namespace weft::cni {

/// Source: CNI specification 1.0.0, section "Error", well-known error codes.
enum class Code : unsigned {
  incompatible_version = 1,
  unknown_container = 3,
  invalid_environment = 4,
  decode_failure = 6,
  invalid_configuration = 7,
  try_again_later = 11,
  general = 100,  ///< plugins use 100 and up for conditions of their own
};

struct Failure {
  Code code = Code::general;
  std::string message;
  std::string details;  ///< what to do about it; may be empty
  bool operator==(const Failure&) const = default;
};

template <class T = void>
using Outcome = tl::expected<T, Failure>;

inline tl::unexpected<Failure> refuse(Code code, std::string message, std::string details = {}) {
  return tl::unexpected(Failure{code, std::move(message), std::move(details)});
}

/// For `result.map_error(as_failure)`.
inline Failure as_failure(const Error& error) {
  return {Code::general, error.message(), {}};
}

}  // namespace weft::cni
