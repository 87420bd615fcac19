/// Probes of two addresses, and the verdict.
#include <weft/overlay/relocation.hpp>

#include <algorithm>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

constexpr unsigned attempts = 5;
constexpr Duration first_wait = 20ms;        // doubles with each attempt: 620 ms in all
constexpr Duration window = 620ms;           // for the current address to answer
constexpr Duration candidate_window = 2s;    // for the new one, however slow its path is
constexpr Duration rest_after_refusal = 1s;  // so much for a replayed heartbeat
constexpr Duration rest_after_stay = 10s;

}  // namespace

std::uint32_t Relocation::draw(const std::vector<std::uint32_t>& reserved) const {
  constexpr std::uint32_t sizes = largest_probe_mtu - least_probe_mtu + 1;
  auto mtu = least_probe_mtu + static_cast<std::uint32_t>(random_() % sizes);
  while (std::ranges::find(reserved, mtu) != reserved.end()) {
    mtu = mtu == largest_probe_mtu ? least_probe_mtu : mtu + 1;
  }
  return mtu;
}

bool Relocation::begin(const net::Endpoint& candidate, const net::Endpoint& current,
                       const std::vector<std::uint32_t>& reserved, TimePoint now) {
  if (check_ || (candidate.address == candidate_.address && now < rest_until_)) {
    return false;
  }
  Check check{.current = current,
              .candidate_mtu = draw(reserved),
              .current_mtu = 0,
              .begun = now,
              .due = now,
              .attempts = 0,
              .answered = std::nullopt,
              .is_current_alive = false};
  std::vector<std::uint32_t> taken = reserved;
  taken.push_back(check.candidate_mtu);
  check.current_mtu = draw(taken);
  check_ = check;
  candidate_ = candidate;
  return true;
}

std::vector<Relocation::Probe> Relocation::probes(TimePoint now) {
  if (!check_ || now < check_->due || check_->attempts == attempts) {
    return {};
  }
  std::vector<Probe> due;
  if (!check_->answered) {
    due.push_back({candidate_, check_->candidate_mtu});
  }
  if (!check_->is_current_alive) {
    due.push_back({check_->current, check_->current_mtu});
  }
  check_->due = now + first_wait * (1U << check_->attempts);
  ++check_->attempts;
  return due;
}

bool Relocation::on_answer(std::uint32_t mtu, TimePoint now) {
  if (!check_) {
    return false;
  }
  if (mtu == check_->candidate_mtu && !check_->answered) {
    check_->answered = now;
  }
  check_->is_current_alive = check_->is_current_alive || mtu == check_->current_mtu;
  return mtu == check_->candidate_mtu || mtu == check_->current_mtu;
}

/// The current address gets as much time again as the new one took.
TimePoint Relocation::verdict_at(const Check& check) noexcept {
  return check.begun + (check.answered ? std::max(window, 2 * (*check.answered - check.begun))
                                       : candidate_window);
}

Relocation::Outcome Relocation::judge(bool is_current_heard, TimePoint now) {
  if (!check_) {
    return Outcome::pending;
  }
  const bool is_over = now >= verdict_at(*check_);
  Outcome outcome = Outcome::pending;
  if (!check_->answered) {
    outcome = is_over ? Outcome::refused : Outcome::pending;
  } else if (!is_current_heard || is_over) {
    outcome = Outcome::followed;
  }
  if (check_->answered && check_->is_current_alive && is_current_heard) {
    outcome = Outcome::stayed;
  }
  if (outcome != Outcome::pending) {
    rest_until_ = now + (outcome == Outcome::refused  ? rest_after_refusal
                         : outcome == Outcome::stayed ? rest_after_stay
                                                      : Duration{0});
    end();
  }
  return outcome;
}

std::optional<TimePoint> Relocation::due() const noexcept {
  if (!check_) {
    return std::nullopt;
  }
  const TimePoint verdict = verdict_at(*check_);
  return check_->attempts == attempts ? verdict : std::min(check_->due, verdict);
}

}  // namespace weft::overlay
