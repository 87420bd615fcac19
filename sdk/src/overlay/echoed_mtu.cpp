/// What was heard, and the search for what passes.

#include <weft/overlay/echoed_mtu.hpp>

#include <algorithm>
#include <iterator>

namespace weft::overlay {

bool MtuHearing::heard(std::uint32_t size, TimePoint now) {
  const std::uint32_t before = largest(now);
  last_ = {size, now};
  if (size >= if_recent(largest_, now)) {
    largest_ = last_;
  }
  return largest(now) > before;
}

std::uint32_t MtuHearing::largest(TimePoint now) const {
  return std::max(if_recent(largest_, now), if_recent(last_, now));
}

std::uint32_t MtuHearing::if_recent(const Arrival& arrival, TimePoint now) const {
  return now - arrival.at < window_ ? arrival.size : 0;
}

EchoedMtu::EchoedMtu(std::uint32_t own, Duration patience)
    : own_(own), patience_(patience), top_(own), bad_(own + 1) {}

void EchoedMtu::set_own(std::uint32_t own) {
  own_ = own;
  limit(std::min(own_, peers_));
}

/// Everything that is known of smaller sizes stays; larger ones are tried next.
void EchoedMtu::limit(std::uint32_t top) {
  if (top == top_) {
    return;
  }
  top_ = top;
  start_over(std::min(good_, top_));
  mtu_ = std::min(mtu_, top_);
}

void EchoedMtu::start_over(std::uint32_t good) {
  good_ = good;
  bad_ = top_ + 1;
  round_.clear();
  round_end_.reset();
  next_search_ = {};
}

std::vector<std::uint32_t> EchoedMtu::sizes(TimePoint now) {
  if (round_end_ && now >= *round_end_) {
    end_round(now);
  }
  if (!round_end_ && good_ != top_ && (good_ == 0 || now >= next_search_)) {
    begin_round(now);
  }
  std::vector<std::uint32_t> due;
  std::ranges::copy_if(round_, std::back_inserter(due),
                       [this](std::uint32_t size) { return size > good_; });
  if (good_ != 0) {
    due.push_back(good_);
  }
  return due;
}

void EchoedMtu::begin_round(TimePoint now) {
  round_.clear();
  round_end_ = now + patience_;
  if (good_ == 0) {
    round_.push_back(top_);
    if (floor < top_) {
      round_.push_back(floor);  // does anything pass?
    }
    return;
  }
  const std::uint32_t step = (bad_ - good_ + width - 1) / width;
  for (std::uint32_t size = bad_ - 1; size > good_; size -= std::min(step, size)) {
    round_.push_back(size);
  }
}

void EchoedMtu::end_round(TimePoint now) {
  round_end_.reset();
  if (good_ == 0) {
    return;
  }
  for (const std::uint32_t size : round_) {
    bad_ = size > good_ ? std::min(bad_, size) : bad_;
  }
  round_.clear();
  if (bad_ - good_ <= precision) {
    settle(now);
  }
}

void EchoedMtu::settle(TimePoint now) {
  start_over(good_);
  mtu_ = good_;
  next_search_ = now + upward_interval;
}

void EchoedMtu::on_silence() {
  start_over(0);
  mtu_ = 0;
}

void EchoedMtu::on_echo(const MtuEcho& echo, TimePoint now) {
  if (echo.mtu >= floor) {
    peers_ = echo.mtu;
    limit(std::min(own_, peers_));
  }
  const std::uint32_t heard = std::min(echo.heard, top_);
  if (heard < std::min(floor, top_)) {
    on_silence();
    return;
  }
  if (heard > good_) {
    good_ = heard;
    bad_ = std::max(bad_, good_ + 1);
  }
  if (good_ == top_) {
    settle(now);
  }
}

}  // namespace weft::overlay
