#pragma once
/// Which chain of causes the calling thread works for: an event, and whatever its handlers publish,
/// post and ask for, share one trace.

#include <cstdint>
#include <string>

#include <weft/export.hpp>

namespace weft {

/// 0: none. Unique within the process.
using TraceId = std::uint64_t;

/// The calling thread's trace.
[[nodiscard]] WEFT_EXPORT TraceId current_trace() noexcept;
/// One that was never given out before.
[[nodiscard]] WEFT_EXPORT TraceId new_trace() noexcept;
/// As logs and `weft bus tap` write it.
[[nodiscard]] WEFT_EXPORT std::string trace_text(TraceId trace);

/// Makes `trace` the calling thread's while the scope lasts; nests.
class WEFT_EXPORT TraceScope {
 public:
  explicit TraceScope(TraceId trace) noexcept;
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  TraceId outer_;
};

}  // namespace weft
