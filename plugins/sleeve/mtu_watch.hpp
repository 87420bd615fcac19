#pragma once
/// Notices that a path, which said nothing of it, no longer carries the datagrams that it did.

#include <cstdint>
#include <optional>

#include <weft/loop.hpp>

namespace weft::sleeve {

/// Asks for a test of the MTU in use now and then. Where tests are lost, asks for small ones beside
/// them: a path that loses all the former and carries most of the latter is taken for narrower, one
/// that loses both is merely bad. A full queue may look narrower too, if it has room for small
/// datagrams only: so whoever lowers an MTU for this should soon try to raise it again. A pure
/// state machine. Source: RFC 8899, section 4.3 (black holes).
class MtuWatch {
 public:
  enum class Wish : std::uint8_t {
    nothing,
    test,        ///< send a test of the MTU in use
    test_twice,  ///< send that, and one of the least MTU
    narrow,      ///< look for a smaller MTU; the watch has ended
  };

  /// Watches an MTU that was just verified.
  void begin(TimePoint now) noexcept;
  void end() noexcept { due_.reset(); }

  /// A test was answered; `is_full`: of the MTU in use.
  void on_answer(bool is_full, TimePoint now) noexcept;
  [[nodiscard]] Wish on_timer(TimePoint now) noexcept;
  /// When on_timer wants to be called.
  [[nodiscard]] const std::optional<TimePoint>& due() const noexcept { return due_; }

 private:
  std::optional<TimePoint> due_;
  unsigned tests_ = 0;  // unanswered so far
  unsigned small_answers_ = 0;
};

}  // namespace weft::sleeve
