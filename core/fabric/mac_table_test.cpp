/// MAC learning: moves, ageing, shares, and many lanes at once.

#include "fabric/mac_table.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "fabric/interruptions.hpp"
#include "runtime/lanes/epoch.hpp"

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

/// As when the lanes are idle: what was retired can be used again.
void release(MacTable& table) {
  for (std::uint64_t i = 0; i < MacTable::generations_to_reuse; ++i) {
    ASSERT_TRUE(table.release());
  }
}

void forget(MacTable& table, PeerName peer) {
  table.forget(std::array{peer});
}

std::map<PeerName, std::size_t> count_by_peer(const MacTable& table) {
  std::map<PeerName, std::size_t> macs;
  for (const MacEntry& entry : table.entries(start)) {
    ++macs[entry.peer];
  }
  return macs;
}

/// `count` MACs from `first` on, each heard once, with the lanes idle now and then.
void flood(MacTable& table, std::uint64_t first, std::uint64_t count, PeerName peer,
           TimePoint now = start) {
  for (std::uint64_t i = 0; i < count; ++i) {
    table.learn(mac(first + i), peer, now);
    if (i % 64 == 0) {
      release(table);
    }
  }
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

TEST(MacTable, KeepsWhatALaneHeardAMomentAfterTheSweepBegan) {
  MacTable table{1, start};
  table.learn(mac(1), there, start + 1s);

  EXPECT_EQ(table.expire(start), 0u);
}

TEST(MacTable, ForgetsPeersTogetherAndKeepsTheOthers) {
  MacTable table{1, start};
  table.learn(mac(1), here, start);
  table.learn(mac(2), there, start);
  table.learn(mac(3), elsewhere, start);

  EXPECT_EQ(table.forget(std::array{here, elsewhere}), 2u);

  EXPECT_FALSE(table.find(mac(1)));
  EXPECT_EQ(table.find(mac(2)), there);
  EXPECT_FALSE(table.find(mac(3)));
}

TEST(MacTable, ReusesTheRoomOfForgottenMacs) {
  MacTable table{1, start};
  std::uint64_t next = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 10'000; ++i) {
      ASSERT_NE(table.learn(mac(++next), there, start), Learned::full);
    }
    forget(table, there);
    release(table);
  }
  EXPECT_TRUE(table.entries(start).empty());
}

TEST(MacTable, ReusesASlotOnlyThreeReleasesAfterItWasRetired) {
  MacTable table{1, start, 1};
  for (std::uint64_t i = 1; i < MacTable::ways; ++i) {
    ASSERT_EQ(table.learn(mac(i), there, start), Learned::added);
  }
  ASSERT_EQ(table.learn(mac(16), there, start), Learned::replaced);

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(table.learn(mac(17), there, start), Learned::full);
    EXPECT_TRUE(table.release());
  }
  EXPECT_EQ(table.learn(mac(17), there, start), Learned::replaced);
  EXPECT_EQ(table.find(mac(17)), there);
}

TEST(MacTable, MakesRoomByTheOldestOfThePeerThatHasMost) {
  MacTable table{1, start, 1};
  table.learn(mac(1), elsewhere, start);
  table.learn(mac(2), here, start);
  for (std::uint64_t i = 3; i < 16; ++i) {
    table.learn(mac(i), there, start + std::chrono::seconds{i == 7 ? 0 : 1});
  }

  EXPECT_EQ(table.learn(mac(16), here, start + 2s), Learned::replaced);

  EXPECT_FALSE(table.find(mac(7)));
  EXPECT_EQ(table.entries(start).size(), 15u);
}

TEST(MacTable, RefusesRatherThanTakesFromPeersThatHaveAsLittle) {
  MacTable table{1, start, 1};
  for (std::uint64_t i = 1; i <= 16; ++i) {
    ASSERT_EQ(table.learn(mac(i), PeerName{i}, start), Learned::added);
  }

  EXPECT_EQ(table.learn(mac(17), PeerName{17}, start), Learned::full);
  release(table);
  EXPECT_EQ(table.learn(mac(17), PeerName{17}, start), Learned::full);
  for (std::uint64_t i = 1; i <= 16; ++i) {
    EXPECT_EQ(table.find(mac(i)), PeerName{i});
  }
  // One of its own is another matter.
  table.learn(mac(18), PeerName{16}, start);
  release(table);
  EXPECT_EQ(table.learn(mac(18), PeerName{16}, start), Learned::added);
  EXPECT_FALSE(table.find(mac(16)));
}

TEST(MacTable, AFloodOfOnePeerCostsNoOtherAnAddress) {
  MacTable table{1, start};
  constexpr std::uint64_t innocents = 2'000;
  for (std::uint64_t i = 0; i < innocents; ++i) {
    table.learn(mac(i), i % 2 == 0 ? here : elsewhere, start);
  }

  flood(table, 1'000'000, 200'000, there, start + 1s);

  for (std::uint64_t i = 0; i < innocents; ++i) {
    ASSERT_EQ(table.find(mac(i)), i % 2 == 0 ? here : elsewhere);
  }
  EXPECT_EQ(table.find(mac(1'199'999)), there);
  EXPECT_FALSE(table.find(mac(1'000'000)));
}

TEST(MacTable, APeerFindsRoomInATableThatAnotherFlooded) {
  MacTable table{1, start};
  flood(table, 1'000'000, 200'000, there);

  for (int frame = 0; frame < 2; ++frame) {  // the first may come too soon after another's
    flood(table, 1, 4'000, elsewhere);
  }

  EXPECT_EQ(count_by_peer(table).at(elsewhere), 4'000u);
}

TEST(MacTable, PeersThatFloodShareTheTableAlike) {
  MacTable table{1, start};
  for (std::uint64_t i = 0; i < 600'000; ++i) {  // one of them sends four times as much
    table.learn(mac(i), std::array{here, there, elsewhere, there, there, there}[i % 6], start);
    if (i % 64 == 0) {
      release(table);
    }
  }

  const auto macs = count_by_peer(table);
  for (const PeerName peer : {here, there, elsewhere}) {
    EXPECT_NEAR(static_cast<double>(macs.at(peer)), 15 * 4096 / 3., 1'000);
  }
}

TEST(MacTable, WhatIsHeardAgainOutlivesAFloodOfItsOwnPeer) {
  MacTable table{1, start};
  constexpr std::uint64_t pods = 300;
  for (const auto at : {0s, 30s}) {
    for (std::uint64_t i = 0; i < pods; ++i) {
      table.learn(mac(i), here, start + at);
    }
  }

  flood(table, 1'000'000, 200'000, here, start + 59s);

  for (std::uint64_t i = 0; i < pods; ++i) {
    ASSERT_EQ(table.find(mac(i)), here);
  }
}

TEST(MacTable, AVisitHoldsUpReuse) {
  MacTable table{1, start};
  {
    const MacTable::Visit visit(table);
    EXPECT_FALSE(table.release());
  }
  EXPECT_TRUE(table.release());
}

TEST(MacTable, AVisitKeepsWhatItFindsAndMovesNothing) {
  MacTable table{1, start};
  table.learn(mac(1), there, start);
  {
    MacTable::Visit visit(table);
    visit.keep(mac(1), elsewhere, start + 1min);
    visit.keep(mac(2), here, start + 1min);
    EXPECT_EQ(visit.find(mac(1)), there);
    visit.keep(mac(1), there, start + 9min);
  }
  EXPECT_EQ(table.expire(start + 10min), 0u);
  EXPECT_EQ(table.find(mac(2)), here);
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

TEST(MacTable, ALaneInTheMiddleOfALookupNeverSeesTheOwnerOfTheNextMac) {
  MacTable table{1, start, 1};
  std::uint64_t next = 0;
  Interruptions interruptions(40'000, [&] {  // another lane, which one peer floods
    for (int i = 0; i < 4; ++i) {
      ++next;
      table.learn(mac(next % 32), next % 2 == 0 ? here : there, start);
    }
  });

  unsigned wrong = 0;
  while (!interruptions.are_over()) {
    for (std::uint64_t i = 0; i < 32; i += 2) {  // a poll cycle
      const auto peer = table.find(mac(i));
      wrong += peer && *peer != here ? 1 : 0;
    }
    table.release();
  }
  EXPECT_EQ(wrong, 0u);
}

/// Lanes that look up, learn and displace without pause, while control code releases slots.
TEST(MacTable, NoLaneEverSeesAMacAtAPeerThatItNeverWasAt) {
  MacTable table{1, start, 2};
  const auto peer_of = [](std::uint64_t value) { return PeerName{value % 5 + 1}; };
  constexpr unsigned lanes = 3;
  Epoch epoch;
  std::array<EpochReader, lanes> readers;
  std::atomic<unsigned> running{lanes};
  std::atomic<unsigned> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    threads.emplace_back([&, lane] {
      readers[lane].come_back(epoch);
      std::uint64_t next = lane;
      for (unsigned round = 0; round < 20'000; ++round) {
        for (unsigned i = 0; i < 16; ++i) {
          next = next * 6364136223846793005ULL + 1442695040888963407ULL;
          const std::uint64_t value = next >> 58U;  // few, so that they come back
          table.learn(mac(value), peer_of(value), start);
          const std::uint64_t other = next >> 40U & 63U;
          const auto peer = table.find(mac(other));
          wrong += peer && *peer != peer_of(other) ? 1 : 0;
        }
        readers[lane].pass_quiescent_point(epoch);
      }
      readers[lane].go_away();
      --running;
    });
  }
  std::uint64_t releases = 0;
  while (running != 0) {
    const std::uint64_t number = epoch.advance();
    for (const EpochReader& reader : readers) {
      while (!reader.has_passed(number)) {
        std::this_thread::yield();
      }
    }
    releases += table.release() ? 1 : 0;
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(releases, 0u);
}

}  // namespace
}  // namespace weft::dataplane
