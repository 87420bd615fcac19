/// The search for the MTU, and what makes it begin again.

#include <weft/overlay/probed_mtu.hpp>

#include <algorithm>
#include <utility>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_test_wait = 10ms;  // doubles with each attempt
constexpr unsigned test_attempts = 8;       // 2.55 s in all
constexpr Duration upward_probe_interval = 10min;
constexpr Duration retry_probe_interval = 10s;
/// Paths narrower than this are rarer than peers that were too busy to answer: ask again soon.
constexpr std::uint32_t plausible_mtu = 552;

}  // namespace

ProbedMtu::Wishes ProbedMtu::begin() {
  is_begun_ = true;
  is_probe_wanted_ = true;
  Wishes wishes;
  wishes.query_route = true;
  return wishes;
}

ProbedMtu::Wishes ProbedMtu::on_moved() {
  is_probe_wanted_ = is_begun_;  // another path may have another MTU
  Wishes wishes;
  wishes.query_route = true;
  return wishes;
}

ProbedMtu::Wishes ProbedMtu::on_refused() {
  is_refused_ = true;
  Wishes wishes;
  wishes.query_route = true;
  return wishes;
}

ProbedMtu::Wishes ProbedMtu::on_route(std::uint32_t limit, std::uint32_t reported, TimePoint now) {
  Wishes wishes;
  const bool is_probe = std::exchange(is_probe_wanted_, false);
  const bool is_refused = std::exchange(is_refused_, false);
  ceiling_ = limit;
  if (reported < limit) {
    hint_ = reported;
  }
  if (!is_begun_) {
    mtu_ = limit;
    return wishes;
  }
  if (is_searching() ? limit >= candidate_ : !is_probe && limit >= mtu_) {
    if (is_refused) {  // though the interface has room for it
      watch_.doubt(now);
    }
    return wishes;
  }
  if (is_probe && has_verified_ && limit == highest_good_) {
    due_ = now + upward_probe_interval;
    return wishes;
  }
  if (limit < highest_good_) {
    highest_good_ = minimum;
    has_verified_ = false;
  }
  lowest_bad_ = limit + 1;
  if (highest_good_ == limit) {
    continue_search(now, wishes);
  } else {
    test_candidate(limit, now, wishes);
  }
  return wishes;
}

void ProbedMtu::on_no_route(TimePoint now) {
  is_refused_ = false;
  if (!is_searching() && !is_over_) {
    due_ = now + retry_probe_interval;
  }
}

ProbedMtu::Wishes ProbedMtu::on_report(std::uint32_t mtu, TimePoint now) {
  Wishes wishes;
  const std::uint32_t in_doubt = is_searching() ? candidate_ : mtu_;
  if (!is_begun_ || is_over_ || mtu >= in_doubt) {
    return wishes;
  }
  hint_ = mtu;
  if (!is_searching()) {
    watch_.doubt(now);
    watch(now, wishes);
  }
  return wishes;
}

/// While nothing is verified the candidate is the best guess; afterwards only what was answered
/// counts, so that probing upwards loses nothing but the probes.
void ProbedMtu::test_candidate(std::uint32_t candidate, TimePoint now, Wishes& wishes) {
  candidate_ = candidate;
  tests_sent_ = 0;
  watch_.end();
  mtu_ = has_verified_ ? highest_good_ : candidate;
  test_again(now, wishes);
}

void ProbedMtu::test_again(TimePoint now, Wishes& wishes) {
  wishes.tests.push_back(candidate_);
  if (highest_good_ < hint_ && hint_ < candidate_) {
    wishes.tests.push_back(hint_);
  }
  due_ = now + first_test_wait * (1U << tests_sent_);
  ++tests_sent_;
}

/// An answer later than the test's patience still tells the truth about its size.
ProbedMtu::Wishes ProbedMtu::on_answer(std::uint32_t mtu, TimePoint now) {
  Wishes wishes;
  if (!is_begun_ || mtu > ceiling_ || mtu < minimum) {
    return wishes;
  }
  watch_.on_answer(mtu, mtu >= mtu_, now);
  const bool is_news = mtu > highest_good_ || (mtu == highest_good_ && !has_verified_);
  if (!is_news) {
    return wishes;
  }
  highest_good_ = mtu;
  has_verified_ = true;
  lowest_bad_ = std::max(lowest_bad_, mtu + 1);
  if (!is_searching()) {
    mtu_ = mtu;
    wishes.is_verified = true;
  } else if (mtu >= candidate_ || lowest_bad_ == mtu + 1) {
    continue_search(now, wishes);
  } else {
    mtu_ = mtu;  // less than the candidate, and no guess
  }
  return wishes;
}

void ProbedMtu::continue_search(TimePoint now, Wishes& wishes) {
  if (highest_good_ + 1 < lowest_bad_) {
    const bool is_end_near = has_verified_ && highest_good_ == hint_;
    test_candidate(is_end_near ? hint_ + 1 : (highest_good_ + lowest_bad_) / 2, now, wishes);
    return;
  }
  candidate_ = 0;
  mtu_ = highest_good_;
  has_verified_ = true;  // or nothing was answered, and no guess is better than the minimum
  due_ = now + (mtu_ < plausible_mtu ? retry_probe_interval : probe_interval_);
  watch_.begin(now);
  wishes.is_verified = true;
}

/// The search after a path became narrower begins between what still passed and the MTU that was.
void ProbedMtu::watch(TimePoint now, Wishes& wishes) {
  switch (watch_.on_timer(now)) {
    case MtuWatch::Wish::nothing:
      break;
    case MtuWatch::Wish::test_twice:
      wishes.tests.push_back(minimum);
      if (watch_.tests() > 1 && watch_.tests() < MtuWatch::most_tests) {  // another size each time
        wishes.tests.push_back(minimum + (mtu_ - minimum) * watch_.tests() / MtuWatch::most_tests);
      }
      if (watch_.is_hasty() && minimum < hint_ && hint_ < mtu_) {
        wishes.tests.push_back(hint_);
      }
      [[fallthrough]];
    case MtuWatch::Wish::test:
      wishes.tests.push_back(mtu_);
      break;
    case MtuWatch::Wish::narrow:
      highest_good_ = std::max(watch_.passing(), minimum);
      has_verified_ = highest_good_ > minimum;
      lowest_bad_ = mtu_;
      probe_interval_ = retry_probe_interval;
      wishes.is_narrower = true;
      continue_search(now, wishes);
      break;
  }
}

ProbedMtu::Wishes ProbedMtu::on_timer(TimePoint now) {
  Wishes wishes;
  if (due_ && *due_ <= now) {
    if (!is_searching()) {
      is_probe_wanted_ = true;
      probe_interval_ = std::min(2 * probe_interval_, Duration(upward_probe_interval));
      due_ = now + probe_interval_;
      wishes.query_route = true;
    } else if (tests_sent_ < test_attempts) {
      test_again(now, wishes);
    } else {
      lowest_bad_ = candidate_;
      continue_search(now, wishes);
    }
  }
  watch(now, wishes);
  return wishes;
}

std::optional<TimePoint> ProbedMtu::next_deadline() const {
  const auto& watched = watch_.due();
  return due_ && watched ? std::min(due_, watched) : (due_ ? due_ : watched);
}

void ProbedMtu::end() {
  is_over_ = true;
  due_.reset();
  watch_.end();
}

}  // namespace weft::overlay
