/// Names that nobody answers for, and what must go on meanwhile.

#include "runtime/transport/resolver.hpp"

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include <gtest/gtest.h>

namespace weft {
namespace {

using namespace std::chrono_literals;

/// A DNS server that answers for the names that it was told of, and holds every other lookup.
class Server {
 public:
  Resolver::Addresses look_up(const std::string& host) {
    std::unique_lock lock(mutex_);
    ++lookups_[host];
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_over_ || known_.contains(host); });
    return std::vector{net::IpAddress::v4(0x0A000001)};
  }
  void answer(const std::string& host) {
    const std::lock_guard lock(mutex_);
    known_.insert(host);
    changed_.notify_all();
  }
  void answer_all() {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  /// Whether so many names are being looked up, or were, within five seconds.
  bool has_seen(std::size_t names) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 5s, [&] { return lookups_.size() >= names; });
  }
  unsigned lookups(const std::string& host) {
    const std::lock_guard lock(mutex_);
    return lookups_[host];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> known_;
  std::map<std::string, unsigned> lookups_;
  bool is_over_ = false;
};

class ResolverTest : public ::testing::Test {
 protected:
  ~ResolverTest() override { server_->answer_all(); }

  std::future<void> ask(const std::string& host) {
    auto answered = std::make_shared<std::promise<void>>();
    auto future = answered->get_future();
    resolver_->look_up(host, [answered](const auto&) { answered->set_value(); });
    return future;
  }
  void ask_silent(std::size_t names) {
    for (std::size_t i = 0; i < names; ++i) {
      silent_.push_back(ask("silent" + std::to_string(i)));
    }
  }
  static bool is_ready(std::future<void>& answer) {
    return answer.wait_for(5s) == std::future_status::ready;
  }

  // Threads that are still at it hold on to the server.
  std::shared_ptr<Server> server_ = std::make_shared<Server>();
  std::unique_ptr<Resolver> resolver_ = std::make_unique<Resolver>(
      [server = server_](const std::string& host) { return server->look_up(host); });
  std::vector<std::future<void>> silent_;
};

TEST_F(ResolverTest, ANameThatNobodyAnswersForHoldsUpNoOther) {
  server_->answer("good");
  ask_silent(Resolver::max_threads - 1);
  ASSERT_TRUE(server_->has_seen(Resolver::max_threads - 1));

  auto answer = ask("good");

  EXPECT_TRUE(is_ready(answer));
}

TEST_F(ResolverTest, ANameIsLookedUpOnceHoweverManyAsk) {
  auto first = ask("slow");
  auto second = ask("slow");
  ASSERT_TRUE(server_->has_seen(1));
  auto third = ask("slow");

  server_->answer("slow");

  EXPECT_TRUE(is_ready(first));
  EXPECT_TRUE(is_ready(second));
  EXPECT_TRUE(is_ready(third));
  EXPECT_EQ(server_->lookups("slow"), 1u);
}

TEST_F(ResolverTest, NamesBeyondTheLimitGetTheirTurn) {
  ask_silent(Resolver::max_threads);
  ASSERT_TRUE(server_->has_seen(Resolver::max_threads));
  auto waiting = ask("late");
  EXPECT_EQ(server_->lookups("late"), 0u);
  server_->answer("late");

  server_->answer("silent3");

  EXPECT_TRUE(is_ready(silent_[3]));
  EXPECT_TRUE(is_ready(waiting));
}

TEST_F(ResolverTest, ItsEndWaitsForNobody) {
  ask_silent(Resolver::max_threads + 3);
  ASSERT_TRUE(server_->has_seen(Resolver::max_threads));

  resolver_.reset();  // hangs, or not

  EXPECT_THROW(silent_[0].get(), std::future_error) << "the question was dropped, not answered";
}

TEST_F(ResolverTest, SaysWhyANameIsNotFound) {
  const auto answer = look_up_host("no such host");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::not_found);
  EXPECT_EQ(answer.error().context.find("resolve 'no such host': "), 0u) << answer.error().context;
}

}  // namespace
}  // namespace weft
