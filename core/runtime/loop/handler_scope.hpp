#pragma once
/// Work that a handler leaves for its end, so that doing it once serves all of the handler's steps:
/// waking the readers of what it published costs more than publishing.

#include <memory>
#include <vector>

#include <weft/export.hpp>

namespace weft {

/// Something to be done when the handler ends.
class AtHandlerEnd {
 public:
  virtual void at_handler_end() noexcept = 0;

 protected:
  ~AtHandlerEnd() = default;
};

/// Lasts as long as one handler on the calling thread. What is deferred runs when the scope ends,
/// but before the thread posts anything to a loop, so that nothing overtakes it.
class WEFT_EXPORT HandlerScope {
 public:
  HandlerScope() noexcept;
  ~HandlerScope();
  HandlerScope(const HandlerScope&) = delete;
  HandlerScope& operator=(const HandlerScope&) = delete;

  /// Runs `work` once at the end of the calling thread's handler, or at once outside of any.
  static void defer(const std::shared_ptr<AtHandlerEnd>& work);
  /// Runs what was deferred so far.
  static void flush() noexcept;

 private:
  std::vector<std::shared_ptr<AtHandlerEnd>> deferred_;
};

}  // namespace weft
