#pragma once
/// What a check found.

#include <cstdint>
#include <string>

namespace weft::conformance {

struct Outcome {
  enum class Status : std::uint8_t { ok, fail, skip };

  Status status = Status::ok;
  std::string reason;  ///< what was seen, in one line
  std::string remedy;  ///< what to do about it; only of failures
};

[[nodiscard]] inline Outcome passed(std::string seen) {
  return {Outcome::Status::ok, std::move(seen), {}};
}
[[nodiscard]] inline Outcome failed(std::string reason, std::string remedy) {
  return {Outcome::Status::fail, std::move(reason), std::move(remedy)};
}
[[nodiscard]] inline Outcome skipped(std::string reason) {
  return {Outcome::Status::skip, std::move(reason), {}};
}

}  // namespace weft::conformance
