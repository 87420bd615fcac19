#pragma once
/// Notices that a path, which said nothing of it, no longer carries the datagrams that it did.

#include <cstdint>
#include <optional>

#include <weft/loop.hpp>

namespace weft::overlay {

/// Asks for a test of the MTU in use periodically, and at once where somebody reports that it is
/// too large. Where tests are lost, asks for small ones beside them: a path that loses all the
/// former and carries most of the latter is taken for narrower, one that loses both is merely bad.
/// A full queue may look narrower too, if it has room for small datagrams only: so whoever lowers
/// an MTU for this should soon try to raise it again. A pure state machine. Source: RFC 8899,
/// sections 4.3 (black holes) and 4.6.2 (reports of routers start probes, which decide).
class MtuWatch {
 public:
  enum class Wish : std::uint8_t {
    nothing,
    test,        ///< send a test of the MTU in use
    test_twice,  ///< send that, and one of `small_mtu`
    narrow,      ///< look for a smaller MTU; the watch has ended
  };

  /// Watches an MTU that was just verified.
  void begin(TimePoint now) noexcept;
  void end() noexcept { due_.reset(); }

  /// Somebody, who may be anybody, reports that the MTU in use is too large: tests it in quick
  /// succession, unless that goes on already or began less than `doubt_interval` ago.
  void doubt(TimePoint now) noexcept;
  /// A test of `mtu` was answered; `is_full`: at least the MTU in use.
  void on_answer(std::uint32_t mtu, bool is_full, TimePoint now) noexcept;
  [[nodiscard]] Wish on_timer(TimePoint now) noexcept;
  /// When on_timer wants to be called.
  [[nodiscard]] const std::optional<TimePoint>& due() const noexcept { return due_; }
  /// The largest of the smaller tests that were answered while those of the MTU in use were not;
  /// 0: none.
  [[nodiscard]] std::uint32_t passing() const noexcept { return passing_; }

  /// How many tests in a row, of `most_tests`, were asked for and not answered.
  [[nodiscard]] unsigned tests() const noexcept { return tests_; }
  static constexpr unsigned most_tests = 8;

  /// Whether a report is being looked into.
  [[nodiscard]] bool is_hasty() const noexcept { return is_hasty_; }

  /// RFC 791: every link carries packets of this size.
  static constexpr std::uint32_t small_mtu = 68;
  /// Forged reports cost three datagrams in this time.
  static constexpr Duration doubt_interval = std::chrono::seconds{1};

 private:
  [[nodiscard]] Duration patience() const noexcept;

  std::optional<TimePoint> due_;
  std::optional<TimePoint> doubted_;  // when last
  bool is_hasty_ = false;             // tests go out in quick succession
  unsigned tests_ = 0;                // unanswered so far
  unsigned small_answers_ = 0;
  std::uint32_t passing_ = 0;
};

}  // namespace weft::overlay
