/// spdlog behind weft::Log. The only file that includes it.

#include "log/log_core.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include <fmt/core.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include "loop/trace.hpp"

namespace weft {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// Octets above 0x7F are left alone: they are UTF-8.
bool is_control(char c) noexcept {
  const auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7F;
}

}  // namespace

std::string quote_log_value(std::string_view value) {
  const bool is_word = !value.empty() && std::none_of(value.begin(), value.end(), [](char c) {
    return c == ' ' || c == '"' || c == '=' || c == '\\' || is_control(c);
  });
  if (is_word) {
    return std::string(value);
  }
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (is_control(c)) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

struct LogCore::State {
  std::atomic<LogLevel> level;
  spdlog::sink_ptr sink;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Named>> logs;
};

class LogCore::Named final : public Log {
 public:
  Named(const State& state, const std::string& name) : state_(state), logger_(name, state.sink) {
    logger_.set_level(spdlog::level::trace);  // is_enabled already decided
    logger_.flush_on(spdlog::level::trace);
  }

  [[nodiscard]] bool is_enabled(LogLevel level) const noexcept override {
    return level >= state_.level.load(std::memory_order_relaxed);
  }

 private:
  void write(LogLevel level, std::string_view message,
             std::span<const LogField> fields) noexcept override {
    std::string line =
        std::ranges::none_of(message, is_control) ? std::string(message) : quote_log_value(message);
    for (const LogField& field : fields) {
      line += ' ';
      line += field.name;
      line += '=';
      line += quote_log_value(field.value);
    }
    if (const TraceId trace = current_trace(); trace != 0) {
      line += " trace=" + trace_text(trace);
    }
    logger_.log(to_spdlog(level), spdlog::string_view_t(line));
  }

  const State& state_;
  spdlog::logger logger_;
};

LogCore::LogCore(LogLevel level, std::ostream& to) : state_(std::make_unique<State>()) {
  state_->level = level;
  state_->sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(to);
  state_->sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %n: %v");
}

LogCore::~LogCore() = default;

Log& LogCore::log(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  std::unique_ptr<Named>& named = state_->logs[name];
  if (!named) {
    named = std::make_unique<Named>(*state_, name);
  }
  return *named;
}

void LogCore::set_level(LogLevel level) noexcept {
  state_->level = level;
}

}  // namespace weft
