/// The calling thread's trace, and where new ones come from.

#include "runtime/loop/trace.hpp"

#include <atomic>
#include <utility>

#include <fmt/core.h>

namespace weft {
namespace {

thread_local TraceId this_threads_trace = 0;
std::atomic<TraceId> last_trace{0};

}  // namespace

TraceId current_trace() noexcept {
  return this_threads_trace;
}

TraceId new_trace() noexcept {
  return last_trace.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::string trace_text(TraceId trace) {
  return fmt::format("{:x}", trace);
}

TraceScope::TraceScope(TraceId trace) noexcept : outer_(std::exchange(this_threads_trace, trace)) {}

TraceScope::~TraceScope() {
  this_threads_trace = outer_;
}

}  // namespace weft
