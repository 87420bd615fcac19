#pragma once
/// A service's call, carried out on the provider's loop.

#include <utility>

#include <weft/loop.hpp>
#include <weft/reply.hpp>

namespace weft {

/// Runs `work` on `loop`, the provider's own, and answers `reply` with what it returns. Any thread.
/// Once the loop is closed nothing runs, and the asker gets Errc::abandoned. What `work` refers to
/// lives until the provider's loop was drained: the provider itself does.
template <class T, class Work>
void answer_on(Loop& loop, Reply<T> reply, Work work) {
  loop.post(
      [reply = std::move(reply), work = std::move(work)]() mutable { reply(Result<T>(work())); });
}

}  // namespace weft
