/// Real TCP over loopback.

#include "runtime/transport/asio_transport.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <future>

#include <gtest/gtest.h>

#include "runtime/loop/thread_loop.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

/// A server and a client side on one loop. Members used on the loop only, but for promises.
class AsioTransportTest : public ::testing::Test {
 protected:
  AsioTransportTest() { loop_.start(); }
  ~AsioTransportTest() override {
    run([&] {
      client_.reset();
      server_.reset();
      dial_.reset();
      listener_.reset();
    });
  }

  void run(Task work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  /// Waits until `condition`, looked at on the loop, holds; at most five seconds.
  bool eventually(std::function<bool()> condition) {
    std::promise<bool> met;
    const TimePoint deadline = loop_.now() + 5s;
    Timer poll;
    run([&] {
      poll = loop_.every(1ms, [&] {
        const bool holds = condition();
        if (holds || loop_.now() > deadline) {
          poll.cancel();
          met.set_value(holds);
        }
      });
    });
    return met.get_future().get();
  }

  void listen(std::string_view at) {
    run([&] {
      auto listener = transport_.listen({*net::parse_ip(at), 0}, [this](auto stream) {
        accepted_.push_back(stream->remote());
        server_ = std::move(stream);
        server_->start({[this](ByteView data) { received_ += as_text(data); },
                        [this](const Error& error) { server_end_ = error; },
                        {}});
      });
      ASSERT_TRUE(listener) << listener.error().message();
      listener_ = std::move(*listener);
    });
  }

  void dial(std::string_view to, Duration timeout = 5s) {
    run([&] {
      const std::uint16_t port = listener_ ? listener_->local().port : std::uint16_t{1};
      dial_ = transport_.dial({*net::parse_ip(to), port}, timeout, [this](auto stream) {
        if (!stream) {
          client_end_ = stream.error();
          return;
        }
        client_ = std::move(*stream);
        client_->start({[this](ByteView data) { echoed_ += as_text(data); },
                        [this](const Error& error) { client_end_ = error; },
                        [this] { ++drained_; }});
      });
    });
  }

  void connect() {
    listen("::");
    dial("127.0.0.1");
    ASSERT_TRUE(eventually([&] { return client_ && server_; }));
  }

  static Bytes bytes_of(std::string_view text) {
    const ByteView view = as_bytes(text);
    return {view.begin(), view.end()};
  }

  BlockingPool pool_;
  std::promise<void> dns_;  // answers for "silent" when it is fulfilled
  Resolver resolver_{[answers = dns_.get_future().share()](const std::string& host) {
    if (host != "silent") {
      return look_up_host(host);
    }
    answers.wait();
    return Resolver::Addresses(fail(Errc::not_found, "resolve 'silent'"));
  }};
  ThreadLoop loop_{"test", pool_, [](const Error& error) { FAIL() << error.message(); }};
  AsioTransport transport_{loop_, resolver_};
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Pending> dial_;
  std::unique_ptr<Stream> client_;
  std::unique_ptr<Stream> server_;
  std::vector<net::Endpoint> accepted_;
  std::string received_;
  std::string echoed_;
  std::optional<Error> client_end_;
  std::optional<Error> server_end_;
  int drained_ = 0;
};

TEST_F(AsioTransportTest, ADualStackListenerTakesIpv4AndSaysWhereItListens) {
  connect();

  run([&] {
    EXPECT_NE(listener_->local().port, 0);
    EXPECT_EQ(server_->local(), client_->remote());
    EXPECT_EQ(client_->local(), server_->remote());
    EXPECT_TRUE(server_->remote().address.is_v4());
  });
}

TEST_F(AsioTransportTest, CarriesWritesInOrderAndSaysWhenTheyLeft) {
  connect();

  run([&] {
    for (int i = 0; i < 1000; ++i) {
      client_->write(bytes_of(std::to_string(i) + ' '));
    }
    EXPECT_GT(client_->queued_bytes(), 0u);
  });

  EXPECT_TRUE(eventually([&] { return received_.ends_with(" 999 ") && drained_ > 0; }));
  run([&] { EXPECT_EQ(client_->queued_bytes(), 0u); });
}

TEST_F(AsioTransportTest, CarriesMoreThanTheKernelBuffers) {
  connect();
  std::string big(std::size_t{16} << 20U, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) {
    big[i] = static_cast<char>(i * 31 >> 8U);
  }

  run([&] {
    client_->write(bytes_of(big));
    client_->write(bytes_of("end"));
  });

  ASSERT_TRUE(eventually([&] { return received_.size() == big.size() + 3; }));
  run([&] { EXPECT_EQ(received_, big + "end"); });
}

TEST_F(AsioTransportTest, APausedStreamDeliversNothing) {
  connect();
  run([&] {
    server_->pause();
    client_->write(bytes_of("wait"));
  });
  ASSERT_TRUE(eventually([&] { return drained_ > 0; }));
  run([&] { EXPECT_TRUE(received_.empty()); });

  run([&] { server_->resume(); });

  EXPECT_TRUE(eventually([&] { return received_ == "wait"; }));
}

TEST_F(AsioTransportTest, DestroyingAStreamResetsThePeer) {
  connect();

  run([&] { client_.reset(); });

  ASSERT_TRUE(eventually([&] { return server_end_.has_value(); }));
  run([&] { EXPECT_EQ(server_end_->code, std::error_code(ECONNRESET, std::generic_category())); });
}

TEST_F(AsioTransportTest, AStreamMayDieInItsOwnCallback) {
  connect();
  auto witness = std::make_shared<int>(0);
  run([&] {
    server_.reset();
    client_.reset();
  });
  run([&] {
    listener_.reset();
    listener_ = *transport_.listen({*net::parse_ip("127.0.0.1"), 0}, [&](auto stream) {
      server_ = std::move(stream);
      server_->start({[this, witness](ByteView) {
                        ++*witness;
                        server_.reset();
                      },
                      {},
                      {}});
    });
  });
  dial("127.0.0.1");
  ASSERT_TRUE(eventually([&] { return client_ != nullptr; }));

  run([&] { client_->write(bytes_of("x")); });

  EXPECT_TRUE(eventually([&] { return client_end_.has_value(); }));
  EXPECT_EQ(*witness, 1);
}

TEST_F(AsioTransportTest, RefusedDialsSaySo) {
  dial("127.0.0.1");

  ASSERT_TRUE(eventually([&] { return client_end_.has_value(); }));
  run([&] {
    EXPECT_EQ(client_end_->code, std::error_code(ECONNREFUSED, std::generic_category()));
    EXPECT_EQ(client_end_->context, "connect to TCP 127.0.0.1:1");
  });
}

TEST_F(AsioTransportTest, ACancelledDialCallsNobody) {
  listen("127.0.0.1");
  bool was_called = false;

  run([&] {
    const auto request =
        transport_.dial(listener_->local(), 5s, [&](const auto&) { was_called = true; });
  });
  dial("127.0.0.1");

  EXPECT_TRUE(eventually([&] { return client_ != nullptr; }));
  run([&] { EXPECT_FALSE(was_called); });
}

TEST_F(AsioTransportTest, APausedListenerLeavesConnectionsInTheBacklog) {
  listen("127.0.0.1");
  run([&] { listener_->pause(); });
  dial("127.0.0.1");
  ASSERT_TRUE(eventually([&] { return client_ != nullptr; }));
  run([&] { EXPECT_EQ(server_, nullptr); });

  run([&] { listener_->resume(); });

  EXPECT_TRUE(eventually([&] { return server_ != nullptr; }));
}

TEST_F(AsioTransportTest, AConnectionThatWasResetInTheBacklogIsNotHandedOut) {
  listen("127.0.0.1");
  run([&] { listener_->pause(); });
  dial("127.0.0.1");
  ASSERT_TRUE(eventually([&] { return client_ != nullptr; }));
  run([&] { client_.reset(); });
  dial("127.0.0.1");
  ASSERT_TRUE(eventually([&] { return client_ != nullptr; }));
  net::Endpoint alive;
  run([&] {
    alive = client_->local();
    listener_->resume();
  });

  ASSERT_TRUE(eventually([&] { return server_ != nullptr; }));
  run([&] { EXPECT_EQ(accepted_, std::vector{alive}); });
}

/// From now on, on this thread, there is no IPv6.
void take_ipv6_away() {
  std::array<sock_filter, 7> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

TEST_F(AsioTransportTest, ListensForIpv4AloneWhereTheKernelHasNoIpv6) {
  run([&] {
    take_ipv6_away();
    const auto accept = [](std::unique_ptr<Stream> /*stream*/) {};
    const auto everywhere = transport_.listen({net::parse_ip("::").value(), 0}, accept);
    ASSERT_TRUE(everywhere) << everywhere.error().message();
    EXPECT_EQ((*everywhere)->local().address, net::parse_ip("0.0.0.0").value());
    EXPECT_NE((*everywhere)->local().port, 0);

    const auto there = transport_.listen({net::parse_ip("::1").value(), 0}, accept);
    ASSERT_FALSE(there) << "an address that was asked for by name";
    EXPECT_EQ(there.error().code, std::errc::address_family_not_supported);
  });
}

TEST_F(AsioTransportTest, RefusesAnAddressThatIsInUse) {
  listen("127.0.0.1");

  run([&] {
    const auto second = transport_.listen(listener_->local(), [](auto) {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, std::error_code(EADDRINUSE, std::generic_category()));
  });
}

TEST_F(AsioTransportTest, ResolvesLiteralsAndReportsUnknownNames) {
  std::optional<Result<std::vector<net::IpAddress>>> literal;
  std::optional<Result<std::vector<net::IpAddress>>> unknown;
  std::unique_ptr<Pending> first;
  std::unique_ptr<Pending> second;
  run([&] {
    first = transport_.resolve("fd00::1", [&](auto got) { literal = std::move(got); });
    second = transport_.resolve("no such host", [&](auto got) { unknown = std::move(got); });
  });

  ASSERT_TRUE(eventually([&] { return literal && unknown; }));
  run([&] {
    EXPECT_EQ(literal->value(), std::vector{*net::parse_ip("fd00::1")});
    EXPECT_EQ(unknown->error().code, Errc::not_found);
    first.reset();
    second.reset();
  });
}

TEST_F(AsioTransportTest, ANameThatNobodyAnswersForHoldsUpNoBlockingWork) {
  std::vector<std::unique_ptr<Pending>> lookups;
  bool is_done = false;
  run([&] {
    for (unsigned i = 0; i < BlockingPool::thread_count; ++i) {
      lookups.push_back(transport_.resolve("silent", [](auto) {}));
    }
    loop_.blocking([] {}, [&] { is_done = true; });
  });

  EXPECT_TRUE(eventually([&] { return is_done; }));

  run([&] { lookups.clear(); });
  EXPECT_TRUE(loop_.wait_for_blocking(loop_.now() + 5s)) << "nor the end of the loop";
}

TEST_F(AsioTransportTest, AnAnswerThatComesAfterItsTransportIsDropped) {
  auto transport = std::make_unique<AsioTransport>(loop_, resolver_);
  bool is_answered = false;
  std::unique_ptr<Pending> other;
  bool is_other_answered = false;
  run([&] {
    (void)transport->resolve("silent", [&](auto) { is_answered = true; });
    transport.reset();
    other = transport_.resolve("silent", [&](auto) { is_other_answered = true; });
  });

  dns_.set_value();

  EXPECT_TRUE(eventually([&] { return is_other_answered; }));
  EXPECT_FALSE(is_answered);
  run([&] { other.reset(); });
}

}  // namespace
}  // namespace weft
