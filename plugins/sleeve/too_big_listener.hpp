#pragma once
/// Reports of routers about our datagrams, on an event loop.

#include <functional>
#include <memory>

#include <weft/loop.hpp>

#include <weft/overlay/router_report.hpp>

namespace weft::sleeve {

/// Reads at most overlay::TooBigSocket::max_reports of a family and then rests for a moment, so
/// that a flood of forged ones costs little. Used and destroyed on the loop's thread; the handler
/// does not run after its destructor returned.
class [[nodiscard]] TooBigListener {
 public:
  using Handler = std::function<void(const overlay::TooBigReport&)>;

  TooBigListener(Loop& loop, overlay::TooBigSocket socket, Handler handler);
  TooBigListener(TooBigListener&&) noexcept = default;
  TooBigListener& operator=(TooBigListener&&) = delete;
  ~TooBigListener();

 private:
  struct State;

  std::shared_ptr<State> state_;
};

}  // namespace weft::sleeve
