#pragma once
/// Log lines: a fixed message, data in fields. Never per packet, never on a lane.

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

namespace weft {

/// error: a human must act; warn: degraded but working; info: lifecycle; debug: decisions.
enum class LogLevel : std::uint8_t { debug, info, warn, error };

struct LogField {
  std::string_view name;
  std::string value;
};

/// The text of a field's value.
template <class T>
[[nodiscard]] std::string log_text(const T& value) {
  if constexpr (requires { to_string(value); }) {
    return to_string(value);
  } else if constexpr (std::is_same_v<T, Error>) {
    return value.message();
  } else if constexpr (requires { std::chrono::duration_cast<std::chrono::nanoseconds>(value); }) {
    return fmt::format("{:.3f}s", std::chrono::duration<double>(value).count());
  } else {
    return fmt::format("{}", value);
  }
}

/// A named log. Owned by the host; any thread except lanes.
///
///   log.warn("peer unreachable", "peer", name, "after", elapsed);
class Log {
 public:
  template <class... Fields>
  void debug(std::string_view message, const Fields&... fields) {
    emit(LogLevel::debug, message, fields...);
  }
  template <class... Fields>
  void info(std::string_view message, const Fields&... fields) {
    emit(LogLevel::info, message, fields...);
  }
  template <class... Fields>
  void warn(std::string_view message, const Fields&... fields) {
    emit(LogLevel::warn, message, fields...);
  }
  template <class... Fields>
  void error(std::string_view message, const Fields&... fields) {
    emit(LogLevel::error, message, fields...);
  }

  [[nodiscard]] virtual bool is_enabled(LogLevel level) const noexcept = 0;

 protected:
  ~Log() = default;

 private:
  virtual void write(LogLevel level, std::string_view message,
                     std::span<const LogField> fields) noexcept = 0;

  template <class... Fields>
  void emit(LogLevel level, std::string_view message, const Fields&... fields) {
    static_assert(sizeof...(Fields) % 2 == 0, "fields come in pairs: name, value");
    if (!is_enabled(level)) {
      return;
    }
    std::array<LogField, sizeof...(Fields) / 2> list;
    collect(list.data(), fields...);
    write(level, message, list);
  }

  static void collect(LogField* /*end*/) {}
  template <class Value, class... Rest>
  static void collect(LogField* to, std::string_view name, const Value& value,
                      const Rest&... rest) {
    *to = {name, log_text(value)};
    collect(to + 1, rest...);
  }
};

}  // namespace weft
