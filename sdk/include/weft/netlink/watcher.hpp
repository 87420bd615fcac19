#pragma once
/// Netlink notifications on an event loop.

#include <memory>
#include <vector>

#include <weft/function.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace boost::asio {
class io_context;
}

namespace weft::nl {

/// Receives the notifications of some multicast groups. Used and destroyed on the loop's thread; no
/// handler runs after its destructor returned.
class [[nodiscard]] Watcher {
 public:
  /// `on_lost` is called when notifications were lost: everything may have changed.
  [[nodiscard]] static Result<Watcher> open(boost::asio::io_context& io, int protocol,
                                            const std::vector<unsigned>& groups,
                                            MessageHandler on_message, Task on_lost);
  Watcher(Watcher&&) noexcept = default;
  Watcher& operator=(Watcher&&) = delete;
  ~Watcher();

 private:
  struct State;
  explicit Watcher(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace weft::nl
