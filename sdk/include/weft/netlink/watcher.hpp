#pragma once
/// Netlink notifications on an event loop.

#include <memory>
#include <utility>
#include <vector>

#include <weft/function.hpp>
#include <weft/loop.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::nl {

/// Receives the notifications of some multicast groups. Used and destroyed on the loop's thread; no
/// handler runs after its destructor returned.
class [[nodiscard]] Watcher {
 public:
  /// `on_lost` is called when notifications were lost: everything may have changed. Errors: the
  /// kernel's.
  [[nodiscard]] static Result<Watcher> open(Loop& loop, int protocol,
                                            const std::vector<unsigned>& groups,
                                            MessageHandler on_message, Task on_lost);
  Watcher(Watcher&&) noexcept = default;
  Watcher& operator=(Watcher&&) = delete;
  ~Watcher();

 private:
  struct State;
  Watcher(std::shared_ptr<State> state, FdWatch watch)
      : state_(std::move(state)), watch_(std::move(watch)) {}

  std::shared_ptr<State> state_;
  FdWatch watch_;  // last: it ends before the socket is closed
};

}  // namespace weft::nl
