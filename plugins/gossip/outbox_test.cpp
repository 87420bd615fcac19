/// What waits on slow connections, and small limiters.

#include "gossip/outbox.hpp"

#include <gtest/gtest.h>

#include "gossip/direct_peers.hpp"
#include "gossip/silence.hpp"
#include "gossip/surrogate.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

const SlotKey gossip{};
const SlotKey from_five{PeerName{5}};

Bytes bytes(std::size_t size, unsigned char fill = 1) {
  return Bytes(size, std::byte{fill});
}

std::vector<std::string> order(Outbox& outbox) {
  std::vector<std::string> taken;
  while (const auto item = outbox.take()) {
    taken.push_back(item->channel + (item->slot.originator ? " broadcast" : " gossip"));
  }
  return taken;
}

TEST(Outbox, CoalescesTopologyByPeerAndStateByChannel) {
  Outbox outbox;
  outbox.add_peers("topology", gossip, {PeerName{1}, PeerName{2}});
  outbox.add_peers("topology", gossip, {PeerName{2}, PeerName{3}});
  outbox.add_state("ipam", gossip);
  outbox.add_state("ipam", gossip);

  EXPECT_TRUE(std::holds_alternative<Outbox::CompleteState>(outbox.take()->content));
  EXPECT_EQ(std::get<PeerNames>(outbox.take()->content),
            (PeerNames{PeerName{1}, PeerName{2}, PeerName{3}}));
  EXPECT_TRUE(outbox.is_empty());
}

TEST(Outbox, ChannelsTakeTurnsAndGossipGoesFirst) {
  Outbox outbox;
  for (int i = 0; i < 2; ++i) {
    outbox.add_payload("a", from_five, bytes(1), false);
    outbox.add_payload("b", gossip, bytes(1), false);
  }
  outbox.add_payload("a", gossip, bytes(1), false);

  EXPECT_EQ(order(outbox), (std::vector<std::string>{"a gossip", "b gossip", "a broadcast",
                                                     "b gossip", "a broadcast"}));
}

TEST(Outbox, AStateSwallowsThePayloadsOfItsSlot) {
  Outbox outbox;
  outbox.add_payload("dns", gossip, bytes(10), true);
  outbox.add_payload("dns", from_five, bytes(10), true);
  outbox.add_state("dns", gossip);

  EXPECT_TRUE(std::holds_alternative<Outbox::CompleteState>(outbox.take()->content));
  EXPECT_EQ(outbox.take()->slot, from_five);
  EXPECT_FALSE(outbox.take());
}

TEST(Outbox, TooManyPayloadsBecomeOneState) {
  Outbox outbox;
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(outbox.add_payload("dns", from_five, bytes(100'000), true));
  }

  std::size_t waiting = 0;
  bool has_state = false;
  while (const auto item = outbox.take()) {
    if (const auto* const payload = std::get_if<Bytes>(&item->content)) {
      waiting += payload->size();
    } else {
      has_state = true;
    }
  }
  EXPECT_TRUE(has_state);
  EXPECT_LE(waiting, Outbox::max_channel_bytes);
}

TEST(Outbox, WithoutAStateTheOldestPayloadsGo) {
  Outbox outbox;
  for (unsigned char i = 1; i <= 100; ++i) {
    outbox.add_payload("unknown", i % 2 == 0 ? gossip : from_five, bytes(100'000, i), false);
  }

  std::size_t waiting = 0;
  while (const auto item = outbox.take()) {
    waiting += std::get<Bytes>(item->content).size();
  }
  EXPECT_LE(waiting, Outbox::max_channel_bytes);
  EXPECT_GT(waiting, Outbox::max_channel_bytes / 2);
}

TEST(Outbox, AllChannelsTogetherHaveALimit) {
  Outbox outbox;
  bool is_dropped = false;
  for (int i = 0; i < 64; ++i) {
    is_dropped |= outbox.add_payload("channel" + std::to_string(i), gossip, bytes(500'000), false);
  }
  EXPECT_TRUE(is_dropped);

  std::size_t waiting = 0;
  while (const auto item = outbox.take()) {
    waiting += std::get<Bytes>(item->content).size();
  }
  EXPECT_LE(waiting, Outbox::max_bytes);
  EXPECT_GT(waiting, Outbox::max_bytes / 2);
  EXPECT_FALSE(outbox.add_payload("channel", gossip, bytes(500'000), false));
}

TEST(Outbox, ALongPayloadIsDroppedOrBecomesAState) {
  Outbox outbox;

  EXPECT_TRUE(outbox.add_payload("unknown", gossip, bytes(Outbox::max_channel_bytes), false));
  EXPECT_TRUE(outbox.is_empty());

  EXPECT_FALSE(outbox.add_payload("dns", gossip, bytes(Outbox::max_channel_bytes), true));
  EXPECT_TRUE(std::holds_alternative<Outbox::CompleteState>(outbox.take()->content));
}

TEST(SilenceDetector, CondemnsAfterTheTimeout) {
  TimePoint now{};
  SilenceDetector detector(700ms, 100ms, now);
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(detector.is_dead(now += 100ms));
  }
  EXPECT_TRUE(detector.is_dead(now += 100ms));
}

TEST(SilenceDetector, AnyOctetIsLife) {
  TimePoint now{};
  SilenceDetector detector(700ms, 100ms, now);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(detector.is_dead(now += 100ms));
    if (i % 6 == 5) {
      detector.heard();
    }
  }
}

TEST(SilenceDetector, ABusyNodeDoesNotCondemnOthers) {
  TimePoint now{};
  SilenceDetector detector(700ms, 100ms, now);
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(detector.is_dead(now += 100ms));
  }
  EXPECT_FALSE(detector.is_dead(now += 5s));  // we slept
  detector.heard();                           // what had come meanwhile is read now
  EXPECT_FALSE(detector.is_dead(now += 100ms));
}

TEST(SilenceDetector, ANodeThatIsAlwaysLateStillNotices) {
  TimePoint now{};
  SilenceDetector detector(700ms, 100ms, now);
  bool is_dead = false;
  for (int i = 0; i < 10; ++i) {
    is_dead = is_dead || detector.is_dead(now += 400ms);
  }
  EXPECT_TRUE(is_dead);
}

TEST(SurrogateFilter, LetsEachPayloadThroughOncePerHalfMinute) {
  SurrogateFilter filter;
  TimePoint now{1h};

  EXPECT_TRUE(filter.is_new(bytes(3), now));
  EXPECT_FALSE(filter.is_new(bytes(3), now + 29s));
  EXPECT_TRUE(filter.is_new(bytes(4), now + 29s));
  EXPECT_TRUE(filter.is_new(bytes(3), now + 31s));
}

TEST(EarlyMessages, KeepTheNewestWithinTheLimit) {
  EarlyMessages early;
  for (unsigned char i = 0; i < 30; ++i) {
    early.add({std::nullopt, bytes(100'000, i)});
  }

  const auto kept = early.take();

  EXPECT_EQ(kept.size(), EarlyMessages::max_bytes / 100'000);
  EXPECT_EQ(kept.back().payload[0], std::byte{29});
  EXPECT_TRUE(early.take().empty());
}

TEST(SavedPeers, ComeBackAsTheyWere) {
  const SavedPeers saved{{"a", "b:1"}, {"b:1", "[fd00::1]:77"}};

  EXPECT_EQ(decode_saved_peers(encode_saved_peers(saved)), saved);
  EXPECT_EQ(decode_saved_peers(encode_saved_peers({})), SavedPeers{});
  EXPECT_FALSE(decode_saved_peers({}));
  EXPECT_FALSE(decode_saved_peers(as_bytes("something else\n")));
  EXPECT_FALSE(decode_saved_peers(as_bytes("weft direct peers 1\nnonsense\n")));
}

}  // namespace
}  // namespace weft::gossip
