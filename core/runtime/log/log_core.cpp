/// spdlog behind weft::Log. The only file that includes it.

#include "runtime/log/log_core.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include <fmt/core.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include "runtime/base/printable.hpp"
#include "runtime/loop/trace.hpp"

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

}  // namespace

std::string quote_log_value(std::string_view value) {
  const std::string safe = one_line(value);
  if (!value.empty() && safe == value && value.find_first_of(" \"=\\") == std::string_view::npos) {
    return safe;
  }
  std::string quoted = "\"";
  while (!value.empty()) {
    const std::size_t plain = std::min(value.find_first_of("\"\\"), value.size());
    quoted += one_line(value.substr(0, plain));
    value.remove_prefix(plain);
    if (!value.empty()) {
      quoted += '\\';
      quoted += value.front();
      value.remove_prefix(1);
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
    std::string line = one_line(message);
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
