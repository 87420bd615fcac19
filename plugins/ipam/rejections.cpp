/// Counts and logs what was not taken.

#include "rejections.hpp"

#include <chrono>
#include <utility>

#include <fmt/core.h>

namespace weft::ipam {
namespace {

constexpr Duration log_interval = std::chrono::seconds{10};
/// A peer that came back learns whose its ranges are in less time.
constexpr Duration contested_after = std::chrono::seconds{20};
/// Rings are gossiped every 30 s at least.
constexpr Duration contested_until = std::chrono::seconds{70};

std::string entry_text(const RingEntry& entry) {
  return fmt::format("{} v{} of {}", address_text(entry.token), entry.version,
                     to_string(entry.peer));
}

}  // namespace

void Rejections::count(std::string_view reason, std::size_t times) {
  if (times > 0) {
    refused_ += times;
    surroundings_.count_refused(reason, times);
  }
}

void Rejections::report(const MergeOutcome& outcome, const std::string& teller) {
  if (!outcome.outbid.empty()) {
    const TimePoint now = surroundings_.now();
    const bool goes_on = contest_ && now - contest_->last < contested_until;
    contest_ = {outcome.outbid.front(), teller, goes_on ? contest_->since : now, now};
    outbid_ += outcome.outbid.size();
    surroundings_.count_outbid(outcome.outbid.size());
    if (may_log(outbid_lines_)) {
      surroundings_.log().warn("kept a range of this node that a message gives away", "entry",
                               entry_text(outcome.outbid.front()), "entries", outcome.outbid.size(),
                               "told-by", teller, "messages-before",
                               std::exchange(outbid_lines_.untold, 0));
    }
  }
  for (std::size_t why = 0; why < refusals; ++why) {
    count(to_string(static_cast<Refusal>(why)), outcome.refused[why]);
  }
  if (outcome.first_refused && may_log(refusal_lines_)) {
    surroundings_.log().warn("refused entries of a ring", "entry",
                             entry_text(*outcome.first_refused), "told-by", teller,
                             "messages-before", std::exchange(refusal_lines_.untold, 0));
  }
}

std::optional<Rejections::Contest> Rejections::contest() const {
  const bool is_lasting = contest_ && contest_->last - contest_->since >= contested_after &&
                          surroundings_.now() - contest_->last < contested_until;
  return is_lasting ? contest_ : std::nullopt;
}

bool Rejections::may_log(LogGate& gate) {
  const TimePoint now = surroundings_.now();
  if (now < gate.next) {
    ++gate.untold;
    return false;
  }
  gate.next = now + log_interval;
  return true;
}

}  // namespace weft::ipam
