/// When to test the MTU in use, and what to make of silence.
#include <weft/overlay/mtu_watch.hpp>

#include <algorithm>

namespace weft::overlay {
namespace {

// Streams stall until a narrower path is noticed: 6.2 s at most. RFC 8899, section 5.1.1,
// recommends to wait 15 s for each answer, which may be lost or late; here eight tests in a row,
// each beside small ones, make up for the haste.
constexpr Duration interval = std::chrono::seconds{3};
constexpr Duration steady_patience = std::chrono::milliseconds{400};
constexpr unsigned most_of_the_small_ones = 4;  // of seven, or eight in haste
/// Doubles with each attempt, 2.55 s in all, as in a search.
constexpr Duration hasty_patience = std::chrono::milliseconds{10};

}  // namespace

void MtuWatch::begin(TimePoint now) noexcept {
  due_ = now + interval;
  is_hasty_ = false;
  tests_ = 0;
  small_answers_ = 0;
  passing_ = 0;
}

void MtuWatch::doubt(TimePoint now) noexcept {
  if (!due_ || is_hasty_ || (doubted_ && now - *doubted_ < doubt_interval)) {
    return;
  }
  doubted_ = now;
  begin(now);
  is_hasty_ = true;
  due_ = now;
}

void MtuWatch::on_answer(std::uint32_t mtu, bool is_full, TimePoint now) noexcept {
  if (due_ && is_full) {
    begin(now);
  } else if (tests_ != 0) {
    small_answers_ += mtu == small_mtu ? 1 : 0;
    passing_ = std::max(passing_, mtu);
  }
}

Duration MtuWatch::patience() const noexcept {
  return is_hasty_ ? hasty_patience * (1U << tests_) : steady_patience;
}

MtuWatch::Wish MtuWatch::on_timer(TimePoint now) noexcept {
  if (!due_ || *due_ > now) {
    return Wish::nothing;
  }
  if (tests_ < most_tests) {
    due_ = now + patience();
    return tests_++ == 0 && !is_hasty_ ? Wish::test : Wish::test_twice;
  }
  if (small_answers_ >= most_of_the_small_ones) {
    end();
    return Wish::narrow;
  }
  begin(now);
  return Wish::nothing;
}

}  // namespace weft::overlay
