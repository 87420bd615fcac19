/// The way from lanes to the loop.
#include <weft/lane_queue.hpp>

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace weft {
namespace {

TEST(LaneQueue, RefusesWhenFullAndGoesOnWhenDrained) {
  auto queue = std::make_unique<LaneQueue<std::uint32_t>>();
  std::uint32_t pushed = 0;
  while (queue->push(pushed)) {
    ++pushed;
  }
  EXPECT_EQ(pushed, 256U);

  std::uint32_t event = 0;
  ASSERT_TRUE(queue->pop(event));
  EXPECT_EQ(event, 0U);
  EXPECT_TRUE(queue->push(0));
}

TEST(LaneQueue, KeepsOrderBetweenThreads) {
  auto queue = std::make_unique<LaneQueue<std::uint32_t>>();
  constexpr std::uint32_t total = 20000;
  std::thread lane([&] {
    for (std::uint32_t i = 0; i < total;) {
      if (queue->push(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });

  for (std::uint32_t expected = 0; expected < total;) {
    std::uint32_t event = 0;
    if (queue->pop(event)) {
      ASSERT_EQ(event, expected++);
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
}  // namespace weft
