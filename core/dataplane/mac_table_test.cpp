/// MAC learning: moves, ageing, and many lanes at once.

#include "dataplane/mac_table.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

namespace weft::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr PeerName here{1};
constexpr PeerName there{2};
constexpr PeerName elsewhere{3};
const TimePoint start{};

net::Mac mac(std::uint64_t value) {
  return net::Mac::from_value(0x020000000000 | value);
}

TEST(MacTable, KnowsNothingAtFirst) {
  const MacTable table{1, start};

  EXPECT_FALSE(table.find(mac(1)));
}

TEST(MacTable, RemembersWhereAFrameCameFrom) {
  MacTable table{1, start};

  EXPECT_EQ(table.learn(mac(1), there, start), Learned::added);
  EXPECT_EQ(table.learn(mac(1), there, start), Learned::known);

  EXPECT_EQ(table.find(mac(1)), there);
  EXPECT_FALSE(table.find(mac(2)));
}

TEST(MacTable, AcceptsAMoveWithItsFirstFrame) {
  MacTable table{1, start};
  table.learn(mac(1), there, start);

  EXPECT_EQ(table.learn(mac(1), elsewhere, start), Learned::moved);
  EXPECT_EQ(table.find(mac(1)), elsewhere);
  EXPECT_EQ(table.learn(mac(1), here, start), Learned::moved);
  EXPECT_EQ(table.find(mac(1)), here);
}

TEST(MacTable, NeverLearnsGroupAddressesNorZero) {
  MacTable table{1, start};

  table.learn(net::Mac::from_value(0xFFFFFFFFFFFF), there, start);
  table.learn(net::Mac::from_value(0x01005E000001), there, start);
  table.learn(net::Mac{}, there, start);

  EXPECT_TRUE(table.entries(start).empty());
}

TEST(MacTable, ForgetsWhatWasSilentForTenMinutesAndKeepsTheRest) {
  MacTable table{1, start};
  table.learn(mac(1), there, start);
  table.learn(mac(2), there, start);
  table.learn(mac(2), there, start + 5min);

  EXPECT_EQ(table.expire(start + 9min), 0u);
  EXPECT_EQ(table.expire(start + 10min), 1u);

  EXPECT_FALSE(table.find(mac(1)));
  EXPECT_EQ(table.find(mac(2)), there);
}

TEST(MacTable, KeepsAnActiveMacForHours) {
  MacTable table{1, start};
  TimePoint now = start;
  for (int minute = 0; minute < 60 * 30; ++minute) {  // past the wrap of the 16-bit clock
    table.learn(mac(1), there, now);
    ASSERT_EQ(table.expire(now), 0u);
    now += 1min;
  }

  EXPECT_EQ(table.find(mac(1)), there);
}

TEST(MacTable, ForgetsOnePeerAndKeepsTheOthers) {
  MacTable table{1, start};
  table.learn(mac(1), there, start);
  table.learn(mac(2), elsewhere, start);

  EXPECT_EQ(table.forget(there), 1u);

  EXPECT_FALSE(table.find(mac(1)));
  EXPECT_EQ(table.find(mac(2)), elsewhere);
}

TEST(MacTable, ReusesTheRoomOfForgottenMacs) {
  MacTable table{1, start};
  std::uint64_t next = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 10'000; ++i) {
      ASSERT_NE(table.learn(mac(++next), there, start), Learned::full);
    }
    table.forget(there);  // retires
    table.expire(start);  // frees
  }
  EXPECT_TRUE(table.entries(start).empty());
}

TEST(MacTable, RefusesRatherThanEvictsWhenItIsFull) {
  MacTable table{1, start};
  std::uint64_t next = 0;
  while (table.learn(mac(++next), there, start) != Learned::full) {
  }

  EXPECT_FALSE(table.find(mac(next)));
  for (std::uint64_t earlier = 1; earlier < next; ++earlier) {
    ASSERT_EQ(table.find(mac(earlier)), there);
  }
}

TEST(MacTable, ReportsHowLongAMacWasSilent) {
  MacTable table{1, start};
  table.learn(mac(7), there, start);

  EXPECT_EQ(table.entries(start + 90s), (std::vector<MacEntry>{{mac(7), there, 90s}}));
}

TEST(MacTable, LanesLearnAndLookUpAtTheSameTime) {
  MacTable table{1, start};
  constexpr unsigned lanes = 4;
  constexpr std::uint64_t macs = 512;
  std::vector<std::thread> threads;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    threads.emplace_back([&table, lane] {
      for (int round = 0; round < 50; ++round) {
        for (std::uint64_t i = 1; i <= macs; ++i) {
          table.learn(mac(i), PeerName{lane + 1}, start);
          const auto peer = table.find(mac(i));
          ASSERT_TRUE(peer);
          ASSERT_GE(*peer, PeerName{1});
          ASSERT_LE(*peer, PeerName{lanes});
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  table.expire(start);  // retires what two lanes learned twice
  auto entries = table.entries(start);
  EXPECT_EQ(entries.size(), macs);
}

}  // namespace
}  // namespace weft::dataplane
