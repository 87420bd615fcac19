/// Who may object to a change of owner, and until when.

#include <gtest/gtest.h>

#include "ipam/disputes.hpp"

namespace weft::ipam {
namespace {

using namespace std::chrono_literals;

constexpr PeerName p{2};
constexpr PeerName q{3};
constexpr PeerName r{4};
constexpr AddressRange range{100, 200};
constexpr TimePoint start{};

using Names = std::vector<PeerName>;

AddressSet set_of(AddressRange claimed) {
  AddressSet set;
  set.add(claimed);
  return set;
}

TEST(Disputes, WhoLostARangeMayObjectForAMinute) {
  Disputes disputes;
  disputes.moved(range, p, q, start);
  disputes.moved({100, 150}, q, r, start + 1s);

  EXPECT_EQ(disputes.claimants({140, 160}), (Names{p, q}));
  EXPECT_EQ(disputes.claimants({150, 160}), Names{p});
  EXPECT_EQ(disputes.claimants({200, 210}), Names{});
  EXPECT_TRUE(disputes.involves(p));
  disputes.expire(start + 60s);
  EXPECT_EQ(disputes.claimants(range), Names{q});
}

TEST(Disputes, AnObjectionKeepsThemUpAndOnlyAWordSettlesThem) {
  Disputes disputes;
  disputes.moved(range, p, q, start);
  disputes.told(p, set_of({150, 160}), Word::hint, start + 50s);
  disputes.expire(start + 70s);
  EXPECT_EQ(disputes.claimants(range), Names{p});

  disputes.told(p, {}, Word::hint, start + 70s);
  disputes.told(p, {}, Word::relayed, start + 59s);  // others had no time to object
  disputes.told(q, {}, Word::own, start + 70s);
  EXPECT_EQ(disputes.claimants(range), Names{p});
  disputes.told(p, {}, Word::relayed, start + 61s);
  EXPECT_EQ(disputes.claimants(range), Names{});

  disputes.moved(range, p, q, start);
  disputes.told(p, {}, Word::own, start);
  EXPECT_FALSE(disputes.involves(p));
}

TEST(Disputes, ARangeThatComesBackToTheFirstLoserIsSettled) {
  Disputes disputes;
  disputes.moved(range, p, q, start);
  disputes.moved(range, q, r, start);
  disputes.moved({120, 130}, r, p, start);
  EXPECT_EQ(disputes.claimants({120, 130}), Names{});
  EXPECT_EQ(disputes.claimants({100, 120}), (Names{p, q}));
  EXPECT_EQ(disputes.claimants({130, 200}), (Names{p, q}));

  disputes.moved({130, 200}, r, q, start);  // who was not the first has nothing to object to
  EXPECT_EQ(disputes.claimants({130, 200}), (Names{p, r}));
}

TEST(Disputes, ManyPiecesTakeNoMoreRoomThanPeersAndDriveNobodyOut) {
  Disputes disputes;
  disputes.moved({10, 11}, p, q, start);
  for (Address at = 100; at < 100 + 8 * Disputes::most; at += 4) {
    disputes.moved({at, at + 1}, q, p, start + 1s);
  }
  EXPECT_EQ(disputes.claimants({10, 11}), Names{p});
  EXPECT_EQ(disputes.claimants({100, 101}), Names{q});
}

}  // namespace
}  // namespace weft::ipam
