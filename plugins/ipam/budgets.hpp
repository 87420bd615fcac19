#pragma once
/// How often other peers may ask this node for something. Every answer to a request costs space,
/// disk and octets; the bounds are above what a peer of either kind asks for in need.

#include <algorithm>
#include <chrono>
#include <map>

#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::ipam {

/// `burst` at once, and one more every `interval`.
struct Rate {
  double burst = 1;
  Duration interval{};
};

/// A peer asks again every 5 s, and each time may get half of what is left here.
inline constexpr Rate donations_per_peer{4, std::chrono::seconds{5}};
/// Claims of single addresses come in bursts, after a restart.
inline constexpr Rate singles_per_peer{256, std::chrono::milliseconds{50}};
/// Of all peers together: each donation is written to disk and broadcast.
inline constexpr Rate donations_of_all{256, std::chrono::milliseconds{50}};
/// Rings sent in answer to one peer.
inline constexpr Rate answers_per_peer{8, std::chrono::seconds{1}};
/// Tokens that others may add to a ring that this node has. Each grant adds two, and what was
/// granted behind a partition comes at once when it heals; a visit of seconds must not fill the
/// ring.
inline constexpr Rate new_tokens_of_all{1'024, std::chrono::milliseconds{30}};
/// Peers that are remembered; full budgets are forgotten first.
inline constexpr std::size_t max_budgets = 8'192;

/// A bucket of permissions. A value.
class Budget {
 public:
  explicit Budget(Rate rate) : rate_(rate), left_(rate.burst) {}

  [[nodiscard]] bool take(TimePoint now) {
    if (left(now) < 1) {
      return false;
    }
    spend(1, now);
    return true;
  }
  [[nodiscard]] std::size_t left(TimePoint now) const {
    return static_cast<std::size_t>(left_at(now));
  }
  /// At most what is left.
  void spend(std::size_t permissions, TimePoint now) {
    left_ = left_at(now) - static_cast<double>(permissions);
    filled_ = now;
  }
  [[nodiscard]] bool is_full(TimePoint now) const { return left_at(now) >= rate_.burst; }

 private:
  [[nodiscard]] double left_at(TimePoint now) const {
    const std::chrono::duration<double> passed = now - filled_;
    const std::chrono::duration<double> interval = rate_.interval;
    return std::min(rate_.burst, left_ + passed.count() / interval.count());
  }

  Rate rate_;
  double left_;
  TimePoint filled_{};
};

/// One budget for each peer that used some lately.
class PeerBudgets {
 public:
  explicit PeerBudgets(Rate rate) : rate_(rate) {}

  /// False when the peer used up its budget, or too many others are using theirs.
  [[nodiscard]] bool take(PeerName peer, TimePoint now) {
    const auto found = budgets_.find(peer);
    if (found != budgets_.end()) {
      return found->second.take(now);
    }
    if (budgets_.size() >= max_budgets) {
      std::erase_if(budgets_, [now](const auto& entry) { return entry.second.is_full(now); });
    }
    return budgets_.size() < max_budgets &&
           budgets_.try_emplace(peer, rate_).first->second.take(now);
  }

 private:
  Rate rate_;
  std::map<PeerName, Budget> budgets_;
};

}  // namespace weft::ipam
