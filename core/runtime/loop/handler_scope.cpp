/// The calling thread's handler and what it left for its end.

#include "runtime/loop/handler_scope.hpp"

#include <algorithm>
#include <utility>

#include <weft/result.hpp>

namespace weft {
namespace {

thread_local HandlerScope* current_scope = nullptr;

}  // namespace

HandlerScope::HandlerScope() noexcept {
  WEFT_CHECK(current_scope == nullptr, "handlers do not nest");
  current_scope = this;
}

HandlerScope::~HandlerScope() {
  flush();
  current_scope = nullptr;
}

void HandlerScope::defer(const std::shared_ptr<AtHandlerEnd>& work) {
  if (current_scope == nullptr) {
    work->at_handler_end();
    return;
  }
  auto& deferred = current_scope->deferred_;
  if (std::ranges::find(deferred, work) == deferred.end()) {
    deferred.push_back(work);
  }
}

void HandlerScope::flush() noexcept {
  if (current_scope == nullptr) {
    return;
  }
  for (const auto& work : std::exchange(current_scope->deferred_, {})) {
    work->at_handler_end();
  }
}

}  // namespace weft
