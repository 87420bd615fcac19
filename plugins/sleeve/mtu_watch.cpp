/// When to test the MTU in use, and what to make of silence.
#include "mtu_watch.hpp"

namespace weft::sleeve {
namespace {

// RFC 8899, section 5.1.1, allows waiting a second for an answer, and recommends 15: streams stall
// meanwhile, and eight tests in a row make up for the haste.
constexpr Duration interval = std::chrono::seconds{15};
constexpr Duration patience = std::chrono::seconds{1};
constexpr unsigned attempts = 8;
constexpr unsigned most_of_the_small_ones = 4;  // of seven

}  // namespace

void MtuWatch::begin(TimePoint now) noexcept {
  due_ = now + interval;
  tests_ = 0;
  small_answers_ = 0;
}

void MtuWatch::on_answer(bool is_full, TimePoint now) noexcept {
  if (due_ && is_full) {
    begin(now);
  } else if (tests_ != 0) {
    ++small_answers_;
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
  if (small_answers_ >= most_of_the_small_ones) {
    end();
    return Wish::narrow;
  }
  begin(now);
  return Wish::nothing;
}

}  // namespace weft::sleeve
