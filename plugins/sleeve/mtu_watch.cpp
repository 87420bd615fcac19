/// When to test the MTU in use, and what to make of silence.
#include "mtu_watch.hpp"

namespace weft::sleeve {
namespace {

// Source: RFC 8899, section 5.1.1: PROBE_TIMER is 15 s by default and at least 1 s.
constexpr Duration interval = std::chrono::seconds{15};
constexpr Duration patience = std::chrono::seconds{1};
constexpr unsigned attempts = 8;

}  // namespace

void MtuWatch::begin(TimePoint now) noexcept {
  due_ = now + interval;
  tests_ = 0;
  are_small_ones_answered_ = false;
}

void MtuWatch::on_answer(bool is_full, TimePoint now) noexcept {
  if (due_ && is_full) {
    begin(now);
  } else if (tests_ != 0) {
    are_small_ones_answered_ = true;
  }
}

MtuWatch::Wish MtuWatch::on_timer(TimePoint now) noexcept {
  if (!due_ || *due_ > now) {
    return Wish::nothing;
  }
  if (tests_ < attempts) {
    due_ = now + patience;
    return tests_++ == 0 ? Wish::test : Wish::test_twice;
  }
  if (are_small_ones_answered_) {
    end();
    return Wish::narrow;
  }
  begin(now);
  return Wish::nothing;
}

}  // namespace weft::sleeve
