#pragma once
/// The answer to a request between plugins: given exactly once, delivered on the asker's loop.

#include <memory>
#include <utility>

#include <weft/loop.hpp>
#include <weft/result.hpp>

namespace weft {

/// A move-only callback bound to the loop of whoever asked. Answer it from any thread, once.
/// Dropping it unanswered answers Errc::abandoned, so an asker never hangs.
///
///   bridge.info(Reply<BridgeInfo>(host.loop(), [this](Result<BridgeInfo> info) {...}));
template <class T = void>
class [[nodiscard]] Reply {
 public:
  using Handler = UniqueFunction<void(Result<T>)>;

  Reply(Loop& loop, Handler handler) : loop_(&loop), handler_(std::move(handler)) {}
  Reply(Reply&& other) noexcept = default;
  Reply& operator=(Reply&& other) noexcept {
    if (this != &other) {
      abandon();
      loop_ = other.loop_;
      handler_ = std::move(other.handler_);
    }
    return *this;
  }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() { abandon(); }

  /// Answers. Any thread; later calls are programming errors.
  void operator()(Result<T> answer) {
    WEFT_CHECK(handler_, "a Reply is answered once");
    loop_->post([handler = std::exchange(handler_, {}), answer = std::move(answer)]() mutable {
      handler(std::move(answer));
    });
  }

  [[nodiscard]] bool is_answered() const noexcept { return !handler_; }

 private:
  void abandon() noexcept {
    if (handler_) {
      (*this)(fail(Errc::abandoned, "get an answer: the provider stopped"));
    }
  }

  Loop* loop_;
  Handler handler_;
};

}  // namespace weft
