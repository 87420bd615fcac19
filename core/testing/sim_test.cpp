/// The simulated world behaves as the real one would, and the same way each time.

#include <gtest/gtest.h>
#include <weft/events/peer.hpp>
#include <weft/testing/fake_host.hpp>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

/// Answers every stream with what it sent, and counts.
class Echo final : public Plugin {
 public:
  explicit Echo(Host& host) : host_(host) {}

  Result<> start() override {
    WEFT_TRY(listener_, host_.transport().listen({*net::parse_ip("::"), 7}, [this](auto stream) {
      const auto raw = stream.get();
      streams_.push_back(std::move(stream));
      raw->start({[this, raw](ByteView data) {
                    received += data.size();
                    raw->write(Bytes(data.begin(), data.end()));
                  },
                  [this](const Error&) { ++ended; },
                  {}});
    }));
    return {};
  }
  void stop() noexcept override {
    streams_.clear();
    listener_.reset();
  }

  std::size_t received = 0;
  int ended = 0;

 private:
  Host& host_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

class SimNetworkTest : public ::testing::Test {
 protected:
  SimNetworkTest() : echo_(server_.start<Echo>("echo")) {}

  /// Dials the echo server from the client.
  void connect(Duration timeout = 10s) {
    client_.loop().run([&] {
      dial_ = client_.as_host().transport().dial(
          {server_.address(), 7}, timeout, [this](Result<std::unique_ptr<Stream>> got) {
            if (!got) {
              error_ = got.error();
              return;
            }
            stream_ = std::move(*got);
            stream_->start({[this](ByteView data) { echoed_ += as_text(data); },
                            [this](const Error& error) { error_ = error; },
                            [this] { ++drained_; }});
          });
    });
  }

  SimWorld world_{7};
  FakeHost server_{world_};
  FakeHost client_{world_};
  Echo& echo_;
  std::unique_ptr<Pending> dial_;
  std::unique_ptr<Stream> stream_;
  std::string echoed_;
  std::optional<Error> error_;
  int drained_ = 0;
};

TEST_F(SimNetworkTest, CarriesOctetsBothWays) {
  connect();
  world_.run_for(1s);
  ASSERT_TRUE(stream_);

  stream_->write(bytes_of("hello "));
  stream_->write(bytes_of("world"));
  world_.run_for(1s);

  EXPECT_EQ(echoed_, "hello world");
  EXPECT_GE(drained_, 1);
  EXPECT_EQ(stream_->remote(), (net::Endpoint{server_.address(), 7}));
}

TEST_F(SimNetworkTest, RefusesADialWhenNobodyListens) {
  server_.stop();

  connect();
  world_.run_for(1s);

  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, std::error_code(ECONNREFUSED, std::generic_category()));
}

TEST_F(SimNetworkTest, ADialIntoABlackHoleTimesOut) {
  world_.network().partition({client_.address()}, {server_.address()});

  connect(3s);
  world_.run_for(2900ms);
  EXPECT_FALSE(error_);
  world_.run_for(200ms);

  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Errc::timeout);
}

TEST_F(SimNetworkTest, ADialSucceedsWhenThePathHealsInTime) {
  world_.network().partition({client_.address()}, {server_.address()});
  connect(10s);
  world_.run_for(2s);

  world_.network().heal();
  world_.run_for(6s);

  EXPECT_TRUE(stream_);
}

TEST_F(SimNetworkTest, AnswersAnInjectedDialFailure) {
  world_.network().fail_dials(client_.address(), server_.address(), EHOSTUNREACH);

  connect();
  world_.run_for(1s);

  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, std::error_code(EHOSTUNREACH, std::generic_category()));
}

TEST_F(SimNetworkTest, ABlockedPathIsSilenceAndWhatWasSentArrivesAfterHealing) {
  connect();
  world_.run_for(1s);
  world_.network().block(client_.address(), server_.address());

  stream_->write(bytes_of("late"));
  world_.run_for(5min);
  EXPECT_EQ(echo_.received, 0u);
  EXPECT_FALSE(error_);
  world_.network().heal();
  world_.run_for(1s);

  EXPECT_EQ(echoed_, "late");
}

TEST_F(SimNetworkTest, ASenderGivesUpAsLinuxDoes) {
  connect();
  world_.run_for(1s);
  world_.network().block(client_.address(), server_.address());

  stream_->write(bytes_of("lost"));
  world_.run_for(16min);

  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, std::error_code(ETIMEDOUT, std::generic_category()));
}

TEST_F(SimNetworkTest, DestroyingAStreamResetsThePeerUnlessThePathIsBlocked) {
  connect();
  world_.run_for(1s);
  world_.network().partition({client_.address()}, {server_.address()});

  stream_.reset();
  world_.run_for(1s);
  EXPECT_EQ(echo_.ended, 0);

  world_.network().heal();
  connect();
  world_.run_for(1s);
  stream_.reset();
  world_.run_for(1s);
  EXPECT_EQ(echo_.ended, 1);
}

TEST_F(SimNetworkTest, AStoppedNodeResetsItsStreams) {
  connect();
  world_.run_for(1s);

  server_.stop();
  world_.run_for(1s);

  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, std::error_code(ECONNRESET, std::generic_category()));
}

TEST_F(SimNetworkTest, AStreamMayDieInItsOwnCallback) {
  connect();
  world_.run_for(1s);
  stream_->start({[this](ByteView) { stream_.reset(); }, {}, {}});

  stream_->write(bytes_of("x"));
  world_.run_for(1s);

  EXPECT_FALSE(stream_);
  EXPECT_EQ(echo_.ended, 1);
}

TEST_F(SimNetworkTest, APausedReaderFillsTheWritersQueue) {
  connect();
  world_.run_for(1s);
  stream_->pause();

  for (int i = 0; i < 16; ++i) {
    stream_->write(Bytes(std::size_t{64} * 1024));
  }
  world_.run_for(1s);
  EXPECT_TRUE(echoed_.empty());
  stream_->resume();
  world_.run_for(10s);

  EXPECT_EQ(echoed_.size(), std::size_t{1024} * 1024);
  EXPECT_EQ(stream_->queued_bytes(), 0u);
}

TEST_F(SimNetworkTest, ResolvesNamesAndLiterals) {
  world_.network().add_name("server", {server_.address()});
  std::vector<net::IpAddress> found;
  std::optional<Error> missing;
  Transport& transport = client_.as_host().transport();

  const auto known = transport.resolve("server", [&](auto got) { found = *got; });
  const auto unknown = transport.resolve("nowhere", [&](auto got) { missing = got.error(); });
  world_.run_for(1s);

  EXPECT_EQ(found, std::vector{server_.address()});
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code, Errc::not_found);
}

/// Pings a random peer at random times for a while; returns the world's digest.
std::uint64_t busy_run(std::uint64_t seed) {
  SimWorld world{seed};
  std::vector<std::unique_ptr<FakeHost>> hosts;
  std::vector<std::unique_ptr<Pending>> dials;
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<Timer> timers;
  for (int i = 0; i < 100; ++i) {
    hosts.push_back(std::make_unique<FakeHost>(world));
    hosts.back()->start<Echo>("echo");
  }
  for (auto& host : hosts) {
    const auto& to = hosts[world.random() % hosts.size()];
    dials.push_back(host->as_host().transport().dial({to->address(), 7}, 5s, [&](auto got) {
      auto* const stream = streams.emplace_back(std::move(*got)).get();
      stream->start({[](ByteView) {}, [](const Error&) {}, {}});
      timers.push_back(host->loop().every(
          1s + Duration{static_cast<std::int64_t>(random_below(host->loop(), 1'000'000'000))},
          [stream] { stream->write(Bytes(100)); }));
    }));
  }
  world.run_for(10min);
  EXPECT_GT(world.event_count(), 100'000u);
  timers.clear();
  streams.clear();
  return world.digest();
}

class SimDatagramsTest : public ::testing::Test {
 protected:
  /// Binds a port on `node`. Its callbacks keep what they are told.
  std::unique_ptr<Datagrams> bind(FakeHost& node, std::string_view at, std::uint16_t port) {
    std::unique_ptr<Datagrams> bound;
    node.loop().run([&] {
      bound = node.as_host()
                  .transport()
                  .bind_datagrams({*net::parse_ip(at), port},
                                  {[&](const Datagram& datagram) {
                                     EXPECT_TRUE(node.loop().is_current());
                                     got_.emplace_back(as_text(datagram.octets));
                                     from_ = datagram.from;
                                     to_ = datagram.to;
                                   },
                                   [&](const net::Endpoint& to, const Error& error) {
                                     refused_ = to;
                                     error_ = error.code;
                                   }})
                  .value();
    });
    return bound;
  }

  SimWorld world_;
  FakeHost server_{world_};
  FakeHost client_{world_};
  std::vector<std::string> got_;
  net::Endpoint from_;
  net::IpAddress to_;
  std::optional<net::Endpoint> refused_;
  std::error_code error_;
};

TEST_F(SimDatagramsTest, CarriesDatagramsAfterTheirTravelTime) {
  const auto server = bind(server_, "::", 53);
  const auto client = bind(client_, "0.0.0.0", 0);
  world_.network().set_delay(server_.address(), client_.address(), {20ms, 0ms});

  ASSERT_TRUE(client->send({server_.address(), 53}, as_bytes("question")));
  world_.run_for(19ms);
  EXPECT_TRUE(got_.empty());
  world_.run_for(1ms);

  EXPECT_EQ(got_, std::vector<std::string>{"question"});
  EXPECT_EQ(from_, (net::Endpoint{client_.address(), client->local().port}));
  EXPECT_EQ(to_, server_.address());
}

TEST_F(SimDatagramsTest, LosesTheShareThatItIsTold) {
  const auto server = bind(server_, "::", 53);
  const auto client = bind(client_, "::", 0);
  world_.network().set_loss(server_.address(), client_.address(), 0.25);

  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(client->send({server_.address(), 53}, as_bytes("x")));
  }
  world_.run_for(1s);

  EXPECT_NEAR(static_cast<double>(got_.size()), 750, 75);
}

TEST_F(SimDatagramsTest, ABrokenPathIsSilenceAndAFreePortIsNot) {
  const auto client = bind(client_, "::", 0);
  world_.network().block(client_.address(), server_.address());
  ASSERT_TRUE(client->send({server_.address(), 53}, as_bytes("x")));
  world_.run_for(1s);
  EXPECT_FALSE(refused_);

  world_.network().heal();
  ASSERT_TRUE(client->send({server_.address(), 53}, as_bytes("x")));
  world_.run_for(1s);

  EXPECT_EQ(refused_, (net::Endpoint{server_.address(), 53}));
  EXPECT_EQ(error_, std::error_code(ECONNREFUSED, std::generic_category()));
}

TEST_F(SimDatagramsTest, AClosedPortIsFreeAndHearsNothing) {
  auto server = bind(server_, "::", 53);
  const auto client = bind(client_, "::", 0);
  ASSERT_TRUE(client->send({server_.address(), 53}, as_bytes("x")));
  server.reset();
  world_.run_for(1s);

  EXPECT_TRUE(got_.empty());
  EXPECT_TRUE(bind(server_, "::", 53));
}

TEST(SimWorld, RepeatsARunExactlyFromItsSeed) {
  const std::uint64_t first = busy_run(1);

  EXPECT_EQ(busy_run(1), first);
  EXPECT_NE(busy_run(2), first);
}

TEST(SimWorld, TimersFireInOrderAndCanCancelThemselves) {
  SimWorld world;
  SimLoop& loop = world.add_loop("l");
  std::vector<int> order;
  Timer tick;
  const Timer late = loop.after(2s, [&] { order.push_back(2); });
  const Timer early = loop.after(1s, [&] { order.push_back(1); });
  tick = loop.every(900ms, [&] {
    order.push_back(0);
    if (order.size() > 3) {
      tick.cancel();
    }
  });

  world.run_for(1h);

  EXPECT_EQ(order, (std::vector{0, 1, 0, 2, 0}));
  EXPECT_EQ(world.elapsed(), 1h);
}

/// Serves a command and publishes what it was told.
class Speaker final : public Plugin {
 public:
  struct Words {
    std::string words = "nothing";

    void describe(Schema& schema) { schema.field("words", words, "What to say."); }
  };

  explicit Speaker(Host& host) : host_(host) {}
  Result<> start() override {
    WEFT_TRY(command_,
             host_.control().serve<Words>({"say", "Says it."}, [this](Words given, auto answer) {
               host_.bus().publish(events::PeerUp{PeerName{1}, std::move(given.words), {}});
               host_.log().info("said");
               answer(std::string("true"));
             }));
    return {};
  }
  void stop() noexcept override { command_ = {}; }

 private:
  Host& host_;
  CommandRegistration command_;
};

TEST(SimWorld, ADescriptorIsReadyWhenTheTestSaysSo) {
  SimWorld world;
  SimLoop& loop = world.add_loop("plugin");
  std::vector<FdEvents> seen;
  FdWatch watch = loop.watch(7, {.readable = true},
                             [&](FdEvents events) {
                               EXPECT_TRUE(loop.is_current());
                               seen.push_back(events);
                               if (seen.size() == 2) {
                                 watch.cancel();
                               }
                             })
                      .value();
  EXPECT_FALSE(loop.watch(7, {.readable = true}, [](FdEvents) {}));

  loop.make_ready(7, {.readable = true, .writable = true});
  loop.make_ready(7, {.writable = true});
  loop.make_ready(8, {.readable = true});
  loop.make_ready(7, {.readable = true});
  loop.make_ready(7, {.readable = true});
  world.run_for(1s);

  EXPECT_EQ(seen, (std::vector<FdEvents>(2, {.readable = true})));
}

TEST(FakeHost, LetsATestCallCommandsAndListen) {
  SimWorld world;
  FakeHost host{world};
  host.start<Speaker>("speaker");
  std::string heard;
  const Subscription up =
      host.bus().subscribe<events::PeerUp>([&](const auto& peer) { heard = peer.nickname; });

  const auto answer = host.call("say", R"({"words":"hi"})");
  world.run_for(1ms);

  EXPECT_EQ(*answer, "true");
  EXPECT_EQ(heard, "hi");
  EXPECT_TRUE(host.logged("said"));
  EXPECT_EQ(host.call("shout").error().code, Errc::not_found);
  EXPECT_EQ(host.call("say", R"({"word":"hi"})").error().context,
            "use parameter 'word': the command has none; did you mean 'words'?");
}

TEST(FakeHost, KeepsTheDiskAcrossIncarnations) {
  SimWorld world;
  const auto disk = std::make_shared<MemoryDisk>();
  const auto store = [](FakeHost& host) { return *host.services().require<Store>(); };
  {
    FakeHost first{world, {}, {}, disk};
    EXPECT_TRUE(first.await(
        [&](Reply<> reply) { store(first)->put({{"ipam/ring", Bytes(3)}}, std::move(reply)); }));
  }

  FakeHost second{world, {}, {}, disk};
  const auto got = second.await<std::optional<Bytes>>(
      [&](auto reply) { store(second)->get("ipam/ring", std::move(reply)); });

  EXPECT_EQ(*got, std::optional<Bytes>(Bytes(3)));
}

TEST(FakeHost, RefusesASecondPluginThatServesTheSameCommand) {
  SimWorld world;
  FakeHost host{world};
  host.start<Speaker>("speaker");

  EXPECT_FALSE(host.try_start<Speaker>("second"));
  EXPECT_TRUE(host.call("say"));
  host.stop();

  EXPECT_EQ(host.call("say").error().code, Errc::not_found);
}

}  // namespace
}  // namespace weft::testing
