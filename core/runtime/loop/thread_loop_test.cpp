/// Real threads, real clock: posts, timers, descriptors, closing, blocking work.

#include "runtime/loop/thread_loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <future>
#include <stdexcept>

#include <gtest/gtest.h>
#include <weft/reply.hpp>
#include <weft/unique_fd.hpp>

#include "runtime/loop/handler_scope.hpp"
#include "runtime/loop/trace.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

class ThreadLoopTest : public ::testing::Test {
 protected:
  ThreadLoopTest() { loop_.start(); }

  /// Runs `work` on the loop and waits for it.
  void run(Task work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  void finish() {
    loop_.close();
    loop_.join();
  }

  BlockingPool pool_;
  std::promise<Error> escaped_;
  ThreadLoop loop_{"test", pool_, [this](Error error) { escaped_.set_value(std::move(error)); }};
};

TEST_F(ThreadLoopTest, RunsPostedTasksInOrderOnItsOwnThread) {
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) {
    loop_.post([&, i] {
      EXPECT_TRUE(loop_.is_current());
      order.push_back(i);
    });
  }

  run([] {});

  EXPECT_EQ(order, (std::vector{0, 1, 2}));
  EXPECT_FALSE(loop_.is_current());
}

TEST_F(ThreadLoopTest, FiresATimerOnceAndARepeatingOneOften) {
  std::promise<void> thrice;
  int ticks = 0;
  int shots = 0;
  Timer once;
  Timer often;
  run([&] {
    once = loop_.after(1ms, [&] { ++shots; });
    often = loop_.every(2ms, [&] {
      if (++ticks == 3) {
        often.cancel();
        thrice.set_value();
      }
    });
  });

  thrice.get_future().wait();
  run([&] { once = {}; });

  EXPECT_EQ(shots, 1);
  EXPECT_EQ(ticks, 3);
}

TEST_F(ThreadLoopTest, ACancelledTimerDoesNotRunEvenWhenItExpired) {
  bool ran = false;

  run([&] {
    Timer timer = loop_.after(0ns, [&] { ran = true; });
    const TimePoint start = loop_.now();
    while (loop_.now() < start + 1ms) {
    }
    timer.cancel();
  });
  run([] {});

  EXPECT_FALSE(ran);
}

/// Two ends of a connection within the process.
struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    near = UniqueFd(ends[0]);
    far = UniqueFd(ends[1]);
  }
  void send(std::string_view text) const {
    EXPECT_EQ(::write(far.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  char receive() const {
    char octet = 0;
    return ::read(near.get(), &octet, 1) == 1 ? octet : '\0';
  }

  UniqueFd near;
  UniqueFd far;
};

TEST_F(ThreadLoopTest, CallsForADescriptorUntilItIsRead) {
  const Pair pair;
  pair.send("abc");
  std::promise<void> all_read;
  std::string read;
  FdWatch watch;
  run([&] {
    watch = loop_
                .watch(pair.near.get(), {.readable = true},
                       [&](FdEvents events) {
                         EXPECT_TRUE(loop_.is_current());
                         EXPECT_EQ(events, (FdEvents{.readable = true}));
                         read += pair.receive();
                         if (read.size() == 3) {
                           all_read.set_value();
                         }
                       })
                .value();
  });

  all_read.get_future().wait();
  run([&] { watch.cancel(); });

  EXPECT_EQ(read, "abc");
  EXPECT_FALSE(watch.is_set());
  EXPECT_GE(::fcntl(pair.near.get(), F_GETFD), 0) << "it stays its owner's";
}

TEST_F(ThreadLoopTest, SaysWhatADescriptorIsReadyFor) {
  Pair pair;
  std::vector<FdEvents> seen;
  std::promise<void> done;
  FdWatch watch;
  const auto note = [&](FdEvents events) {
    seen.push_back(events);
    if (seen.size() == 1) {
      pair.send("a");
    } else if (seen.size() == 2) {
      pair.receive();
      pair.far = {};
    } else {
      watch.cancel();
      done.set_value();
    }
  };
  run([&] {
    watch = loop_.watch(pair.near.get(), {.readable = true, .writable = true}, note).value();
  });

  done.get_future().wait();

  EXPECT_EQ(seen[0], (FdEvents{.writable = true}));
  EXPECT_EQ(seen[1], (FdEvents{.readable = true, .writable = true}));
  EXPECT_EQ(seen[2], (FdEvents{.readable = true, .writable = true})) << "the other end is closed";
}

TEST_F(ThreadLoopTest, AnEndedWatchIsNotCalledThoughItsDescriptorWasReady) {
  std::array<Pair, 2> pairs;
  std::array<FdWatch, 2> watches;
  unsigned calls = 0;
  run([&] {
    for (std::size_t i = 0; i < 2; ++i) {
      pairs[i].send("x");
      watches[i] = loop_
                       .watch(pairs[i].near.get(), {.readable = true},
                              [&, i](FdEvents) {
                                ++calls;
                                pairs[i].receive();
                                watches[1 - i].cancel();
                                pairs[1 - i].near = {};
                              })
                       .value();
    }
  });

  run([] {});  // by now both were ready
  run([] {});

  EXPECT_EQ(calls, 1U);
  run([&] { watches = {}; });
}

TEST_F(ThreadLoopTest, SaysWhyItCannotWatch) {
  const Pair pair;
  const UniqueFd file{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  run([&] {
    const auto first = loop_.watch(pair.near.get(), {.readable = true}, [](FdEvents) {});
    ASSERT_TRUE(first) << first.error().message();
    const auto again = loop_.watch(pair.near.get(), {.writable = true}, [](FdEvents) {});
    const auto regular = loop_.watch(file.get(), {.readable = true}, [](FdEvents) {});

    EXPECT_EQ(again.error().code, std::error_code(EEXIST, std::generic_category()));
    EXPECT_EQ(regular.error().code, std::error_code(EPERM, std::generic_category()));
  });
}

TEST_F(ThreadLoopTest, WatchesOnAfterAHandlerThrew) {
  const Pair pair;
  pair.send("x");
  std::promise<void> second;
  bool has_thrown = false;
  FdWatch watch;
  run([&] {
    watch = loop_
                .watch(pair.near.get(), {.readable = true},
                       [&](FdEvents) {
                         if (!std::exchange(has_thrown, true)) {
                           throw std::runtime_error("boom");
                         }
                         watch.cancel();
                         second.set_value();
                       })
                .value();
  });

  second.get_future().wait();

  EXPECT_EQ(escaped_.get_future().get().message(),
            "cannot finish a handler of 'test': boom: invalid");
}

TEST_F(ThreadLoopTest, AWatchMayOutliveItsLoop) {
  const Pair pair;
  const auto witness = std::make_shared<int>(0);
  FdWatch watch;
  run([&] {
    watch = loop_.watch(pair.near.get(), {.readable = true}, [witness](FdEvents) {}).value();
  });

  finish();

  EXPECT_EQ(witness.use_count(), 1);
  watch.cancel();
}

TEST_F(ThreadLoopTest, DropsTasksPostedAfterClose) {
  auto witness = std::make_shared<int>(0);
  finish();

  loop_.post([witness] { ++*witness; });

  EXPECT_EQ(*witness, 0);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(ThreadLoopTest, RunsWhatWasPostedBeforeClose) {
  int ran = 0;
  for (int i = 0; i < 100; ++i) {
    loop_.post([&] { ++ran; });
  }

  finish();

  EXPECT_EQ(ran, 100);
}

TEST_F(ThreadLoopTest, DestroysPendingHandlersWhenJoined) {
  auto witness = std::make_shared<int>(0);
  Timer timer;
  run([&] { timer = loop_.after(1h, [witness] {}); });
  run([&] { timer = {}; });

  finish();

  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(ThreadLoopTest, BlockingWorkRunsElsewhereAndItsEndOnTheLoop) {
  std::promise<void> done;
  bool work_on_loop = true;
  bool done_on_loop = false;

  loop_.post([&] {
    loop_.blocking([&] { work_on_loop = loop_.is_current(); },
                   [&] {
                     done_on_loop = loop_.is_current();
                     done.set_value();
                   });
  });
  done.get_future().wait();

  EXPECT_FALSE(work_on_loop);
  EXPECT_TRUE(done_on_loop);
}

TEST_F(ThreadLoopTest, CarriesTheTraceOverPostsRepliesAndBlockingWorkButNotTimers) {
  std::vector<TraceId> traces;
  std::promise<void> all_done;
  Timer timer;
  const auto note = [&] {
    traces.push_back(current_trace());
    if (traces.size() == 4) {
      all_done.set_value();
    }
  };
  const TraceId trace = new_trace();

  run([&] {
    const TraceScope scope(trace);
    loop_.post(note);
    Reply<>(loop_, [&](const Result<>&) { note(); })({});
    loop_.blocking([] {}, note);
    timer = loop_.after(50ms, note);
  });
  all_done.get_future().wait();
  run([&] { timer.cancel(); });

  EXPECT_EQ(traces, (std::vector<TraceId>{trace, trace, trace, 0}));
}

TEST_F(ThreadLoopTest, WhatAHandlerDefersRunsOnceAtItsEndButBeforeItPosts) {
  struct Note final : AtHandlerEnd {
    explicit Note(std::vector<std::string>& list) : said(list) {}
    void at_handler_end() noexcept override { said.emplace_back("deferred"); }
    std::vector<std::string>& said;
  };
  std::vector<std::string> said;
  const auto note = std::make_shared<Note>(said);

  run([&] {
    HandlerScope::defer(note);
    HandlerScope::defer(note);
    said.emplace_back("before post");
    loop_.post([] {});
    said.emplace_back("after post");
    HandlerScope::defer(note);
    said.emplace_back("end");
  });
  run([] {});
  HandlerScope::defer(note);

  EXPECT_EQ(said, (std::vector<std::string>{"before post", "deferred", "after post", "end",
                                            "deferred", "deferred"}));
}

TEST_F(ThreadLoopTest, ReportsAnExceptionAndGoesOn) {
  loop_.post([] { throw std::runtime_error("boom"); });

  const Error error = escaped_.get_future().get();
  bool ran = false;
  run([&] { ran = true; });

  EXPECT_EQ(error.message(), "cannot finish a handler of 'test': boom: invalid");
  EXPECT_TRUE(ran);
}

TEST_F(ThreadLoopTest, SaysWhatItRuns) {
  std::promise<void> inside;
  std::promise<void> release;
  loop_.post([&] {
    inside.set_value();
    release.get_future().wait();
  });
  inside.get_future().wait();

  const Activity::Reading reading = loop_.activity();
  release.set_value();
  run([] {});

  EXPECT_STREQ(reading.what, "task");
  EXPECT_LE(reading.since, loop_.now());
  EXPECT_GT(loop_.cpu_time(), 0ns);
}

TEST_F(ThreadLoopTest, ARepliedAnswerForAClosedLoopIsDropped) {
  auto witness = std::make_shared<int>(0);
  Reply<int> reply(loop_, [witness](Result<int>) { ++*witness; });
  finish();

  reply(7);

  EXPECT_EQ(*witness, 0);
  EXPECT_EQ(witness.use_count(), 1);
}

}  // namespace
}  // namespace weft
