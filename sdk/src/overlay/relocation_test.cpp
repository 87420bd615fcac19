/// Which address the verdict falls for, with a clock that the test moves.
#include <weft/overlay/relocation.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;
using Outcome = Relocation::Outcome;

const net::Endpoint here = *net::parse_endpoint("10.99.0.2:6783");
const net::Endpoint there = *net::parse_endpoint("10.99.0.3:6783");
const net::Endpoint elsewhere = *net::parse_endpoint("10.99.0.4:6783");

class RelocationTest : public ::testing::Test {
 protected:
  /// Runs a check until its verdict; both addresses answer after a round trip, or never.
  Outcome run(std::optional<Duration> candidate_answers, std::optional<Duration> current_answers,
              bool is_current_heard = true) {
    EXPECT_TRUE(relocation_.begin(there, here, {}, now_));
    std::vector<std::pair<TimePoint, std::uint32_t>> answers;
    while (true) {
      for (const auto& probe : relocation_.probes(now_)) {
        sent_.push_back(probe);
        const auto& after = probe.to == there ? candidate_answers : current_answers;
        if (after) {
          answers.emplace_back(now_ + *after, probe.mtu);
        }
      }
      std::ranges::sort(answers);
      TimePoint next = *relocation_.due();
      if (!answers.empty() && answers.front().first <= next) {
        next = answers.front().first;
        (void)relocation_.on_answer(answers.front().second, next);
        answers.erase(answers.begin());
      }
      now_ = next;
      if (const Outcome outcome = relocation_.judge(is_current_heard, now_);
          outcome != Outcome::pending) {
        return outcome;
      }
    }
  }

  TimePoint now_{1h};
  std::uint64_t random_ = 0;
  Relocation relocation_{[this] { return random_++; }};
  std::vector<Relocation::Probe> sent_;
};

TEST_F(RelocationTest, FollowsAPeerThatAnswersAtTheNewAddressAlone) {
  EXPECT_EQ(run(1ms, std::nullopt), Outcome::followed);
  EXPECT_EQ(now_ - TimePoint{1h}, 620ms);
  EXPECT_EQ(relocation_.candidate(), there);
}

TEST_F(RelocationTest, FollowsAtOnceAPeerWhoseHeartbeatsNeverCameFromTheOldAddress) {
  EXPECT_EQ(run(30ms, 1ms, false), Outcome::followed);
  EXPECT_EQ(now_ - TimePoint{1h}, 30ms);
}

TEST_F(RelocationTest, StaysWhereThePeerAnswersAsBefore) {
  EXPECT_EQ(run(1ms, 500ms), Outcome::stayed);
}

TEST_F(RelocationTest, RefusesAnAddressWhereNobodyAnswers) {
  EXPECT_EQ(run(std::nullopt, 1ms), Outcome::refused);
  EXPECT_EQ(now_ - TimePoint{1h}, 2s);
  EXPECT_EQ(std::ranges::count(sent_, there, &Relocation::Probe::to), 5)
      << "what a replayed heartbeat can have sent to a third party";
  EXPECT_EQ(std::ranges::count(sent_, here, &Relocation::Probe::to), 1);

  EXPECT_FALSE(relocation_.begin(there, here, {}, now_ + 999ms)) << "not again at once";
  EXPECT_TRUE(relocation_.begin(elsewhere, here, {}, now_ + 1ms)) << "another may be right";
}

TEST_F(RelocationTest, WaitsForTheOldAddressWhereRoundTripsAreLong) {
  EXPECT_EQ(run(900ms, 1s), Outcome::stayed);
  now_ += 1h;
  EXPECT_EQ(run(900ms, std::nullopt), Outcome::followed);
}

TEST_F(RelocationTest, LooksIntoOneAddressAtATime) {
  EXPECT_TRUE(relocation_.begin(there, here, {}, now_));
  EXPECT_FALSE(relocation_.begin(elsewhere, here, {}, now_));
  relocation_.end();
  EXPECT_FALSE(relocation_.due());
  EXPECT_TRUE(relocation_.probes(now_).empty());
}

TEST_F(RelocationTest, DrawsSizesThatNoOtherTestHas) {
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(relocation_.begin(there, here, {100, 101, 324}, now_));
    const auto probes = relocation_.probes(now_);
    ASSERT_EQ(probes.size(), 2U);
    EXPECT_NE(probes[0].mtu, probes[1].mtu);
    seen.insert({probes[0].mtu, probes[1].mtu});
    EXPECT_FALSE(relocation_.on_answer(100, now_)) << "it is of another test";
    relocation_.end();
  }
  EXPECT_FALSE(seen.contains(100) || seen.contains(101) || seen.contains(324));
  EXPECT_EQ(*seen.begin(), Relocation::least_probe_mtu);
  EXPECT_EQ(*seen.rbegin(), Relocation::largest_probe_mtu - 1);
}

}  // namespace
}  // namespace weft::overlay
