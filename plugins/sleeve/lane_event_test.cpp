/// The way from lanes to the loop.
#include "lane_event.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace weft::sleeve {
namespace {

TEST(LaneEvents, RefusesWhenFullAndGoesOnWhenDrained) {
  auto events = std::make_unique<LaneEvents>();
  std::uint32_t pushed = 0;
  while (events->push({.kind = LaneEvent::Kind::mtu_test, .frame_bytes = pushed})) {
    ++pushed;
  }
  EXPECT_EQ(pushed, 256U);

  LaneEvent event;
  ASSERT_TRUE(events->pop(event));
  EXPECT_EQ(event.frame_bytes, 0U);
  EXPECT_TRUE(events->push({}));
}

TEST(LaneEvents, KeepsOrderBetweenThreads) {
  auto events = std::make_unique<LaneEvents>();
  constexpr std::uint32_t total = 20000;
  std::thread lane([&] {
    for (std::uint32_t i = 0; i < total;) {
      if (events->push({.kind = LaneEvent::Kind::mtu_test, .frame_bytes = i})) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });

  for (std::uint32_t expected = 0; expected < total;) {
    LaneEvent event;
    if (events->pop(event)) {
      ASSERT_EQ(event.frame_bytes, expected++);
    } else {
      std::this_thread::yield();
    }
  }
  lane.join();
}

TEST(Doorbell, IsReadableFromRingToAnswer) {
  Doorbell doorbell;
  const auto is_readable = [&] {
    pollfd poll_fd{doorbell.fd(), POLLIN, 0};
    return poll(&poll_fd, 1, 0) == 1;
  };
  EXPECT_FALSE(is_readable());
  doorbell.ring();
  doorbell.ring();
  EXPECT_TRUE(is_readable());
  doorbell.answer();
  EXPECT_FALSE(is_readable());
  doorbell.ring();
  EXPECT_TRUE(is_readable());
}

}  // namespace
}  // namespace weft::sleeve
