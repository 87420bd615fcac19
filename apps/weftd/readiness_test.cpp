/// What the service manager is told of a node that is ready, and of one that is not.

#include "readiness.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace weft::daemon {
namespace {

using Messages = std::vector<std::string>;

class ReadinessTest : public ::testing::Test {
 protected:
  Messages told_;
  Readiness readiness_{[this](std::string_view message) { told_.emplace_back(message); }};
};

TEST_F(ReadinessTest, ANodeThatIsReadyAtOnceIsReadyAndNothingElse) {
  readiness_.change(true, "ready");
  readiness_.end_patience();

  EXPECT_EQ(told_, Messages{"READY=1"});
}

TEST_F(ReadinessTest, ADegradedNodeIsReadyWhenItHasBecomeSo) {
  readiness_.change(false, "degraded: gossip: in use");
  EXPECT_EQ(told_, Messages{"STATUS=degraded: gossip: in use"});
  readiness_.change(true, "ready");
  readiness_.change(false, "degraded: odp: deleted");

  EXPECT_EQ(told_, (Messages{"STATUS=degraded: gossip: in use", "READY=1", "STATUS=ready",
                             "STATUS=degraded: odp: deleted"}));
}

TEST_F(ReadinessTest, ANodeThatStaysDegradedIsSaidToBeReadyWhenPatienceEnds) {
  readiness_.end_patience();
  EXPECT_EQ(told_, Messages{}) << "it has not started yet";
  readiness_.change(false, "degraded: gossip: in use");
  readiness_.end_patience();
  readiness_.end_patience();

  EXPECT_EQ(told_, (Messages{"STATUS=degraded: gossip: in use", "READY=1"}));
}

}  // namespace
}  // namespace weft::daemon
