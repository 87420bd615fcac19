#pragma once
/// The node's log: one line per message, `key=value` fields, a name per plugin, and the trace of
/// the event that the line is about.

#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <weft/export.hpp>
#include <weft/log.hpp>

namespace weft {

/// Owns the sink and every named log; one per node, owned by the host. Any thread but a lane.
class WEFT_EXPORT LogCore {
 public:
  explicit LogCore(LogLevel level = LogLevel::info, std::ostream& to = std::cerr);
  ~LogCore();
  LogCore(const LogCore&) = delete;
  LogCore& operator=(const LogCore&) = delete;

  /// The log called `name`: the same object each time, valid as long as this.
  [[nodiscard]] Log& log(const std::string& name);
  void set_level(LogLevel level) noexcept;

 private:
  class Named;
  struct State;
  std::unique_ptr<State> state_;
};

/// A field's value as the log writes it: in quotes, with escapes, when it would not be one word.
[[nodiscard]] WEFT_EXPORT std::string quote_log_value(std::string_view value);

}  // namespace weft
