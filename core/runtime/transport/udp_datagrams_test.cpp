/// Real UDP over loopback.

#include "runtime/transport/udp_datagrams.hpp"

#include <cerrno>
#include <future>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <weft/testing/running_loop.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

/// A port that keeps what it got. Made and used on its loop.
struct Port {
  Port(Loop& loop, std::string_view at, bool wants_errors = false) {
    Datagrams::Callbacks callbacks{[this](const Datagram& datagram) {
                                     got += as_text(datagram.octets);
                                     from = datagram.from;
                                     to = datagram.to;
                                   },
                                   {}};
    if (wants_errors) {
      callbacks.on_error = [this](const net::Endpoint& about, const Error& error) {
        errors.emplace_back(about, error.code.value());
      };
    }
    datagrams = bind_udp_datagrams(loop, {*net::parse_ip(at), 0}, std::move(callbacks)).value();
  }
  void send(std::string_view destination, std::uint16_t port, std::string_view text,
            const net::IpAddress& source = {}) const {
    const auto sent = datagrams->send({*net::parse_ip(destination), port}, as_bytes(text), source);
    EXPECT_TRUE(sent) << sent.error().message();
  }
  [[nodiscard]] std::uint16_t port() const { return datagrams->local().port; }

  std::unique_ptr<Datagrams> datagrams;
  std::string got;
  net::Endpoint from;
  net::IpAddress to;
  std::vector<std::pair<net::Endpoint, int>> errors;
};

class UdpDatagramsTest : public ::testing::Test {
 protected:
  ~UdpDatagramsTest() override {
    loop_.run([&] {
      client_.reset();
      server_.reset();
    });
  }

  /// Looks at `condition` on the loop, again and again; at most five seconds.
  bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    bool holds = false;
    while (!holds && std::chrono::steady_clock::now() < deadline) {
      holds = loop_.run(condition);
    }
    return holds;
  }
  void open(std::string_view server, std::string_view client, bool wants_errors = false) {
    loop_.run([&] {
      server_.emplace(loop_, server);
      client_.emplace(loop_, client, wants_errors);
    });
  }

  testing::RunningLoop loop_;
  std::optional<Port> server_;
  std::optional<Port> client_;
};

TEST_F(UdpDatagramsTest, CarriesDatagramsOfBothFamilies) {
  for (const auto* const address : {"127.0.0.1", "::1"}) {
    open(address, address);

    loop_.run([&] { client_->send(address, server_->port(), "question"); });

    ASSERT_TRUE(eventually([&] { return server_->got == "question"; }));
    loop_.run([&] {
      EXPECT_EQ(server_->from, client_->datagrams->local());
      EXPECT_EQ(server_->to, *net::parse_ip(address));
    });
  }
}

TEST_F(UdpDatagramsTest, AnswersFromTheAddressThatWasAsked) {
  for (const auto* const asked : {"127.0.0.9", "::1"}) {
    open("::", "::");
    loop_.run([&] { client_->send(asked, server_->port(), "question"); });
    ASSERT_TRUE(eventually([&] { return server_->got == "question"; }));

    loop_.run([&] {
      EXPECT_EQ(server_->to, *net::parse_ip(asked));
      const auto sent = server_->datagrams->send(server_->from, as_bytes("answer"), server_->to);
      EXPECT_TRUE(sent) << sent.error().message();
    });

    ASSERT_TRUE(eventually([&] { return client_->got == "answer"; }));
    loop_.run([&] { EXPECT_EQ(client_->from.address, *net::parse_ip(asked)); });
  }
}

TEST_F(UdpDatagramsTest, AnswersFromTheAddressThatWasAskedOverIpv4Alone) {
  open("0.0.0.0", "127.0.0.1");
  loop_.run([&] { client_->send("127.0.0.9", server_->port(), "question"); });
  ASSERT_TRUE(eventually([&] { return server_->got == "question"; }));

  loop_.run([&] { server_->send("127.0.0.1", client_->port(), "answer", server_->to); });

  ASSERT_TRUE(eventually([&] { return client_->got == "answer"; }));
  loop_.run([&] { EXPECT_EQ(client_->from.address, *net::parse_ip("127.0.0.9")); });
}

TEST_F(UdpDatagramsTest, TellsWhatThePathSaysAndSendsOn) {
  for (const auto* const address : {"127.0.0.1", "::1"}) {
    open(address, address, /*wants_errors=*/true);
    std::uint16_t gone = 0;
    loop_.run([&] {
      gone = server_->port();
      server_.reset();
      client_->send(address, gone, "anybody?");
      server_.emplace(loop_, address);
      client_->send(address, server_->port(), "somebody");
    });

    ASSERT_TRUE(eventually([&] { return !client_->errors.empty(); }));
    EXPECT_TRUE(eventually([&] { return server_->got == "somebody"; }));
    loop_.run([&] {
      EXPECT_EQ(client_->errors.front(),
                std::pair(net::Endpoint{*net::parse_ip(address), gone}, ECONNREFUSED));
    });
  }
}

TEST_F(UdpDatagramsTest, SaysWhyItDidNotSend) {
  open("127.0.0.1", "127.0.0.1");
  loop_.run([&] {
    const Bytes large(70'000);
    const auto too_large = client_->datagrams->send(server_->datagrams->local(), large);
    const auto other = client_->datagrams->send({*net::parse_ip("::1"), 9}, as_bytes("x"));

    EXPECT_EQ(too_large.error().code, std::error_code(EMSGSIZE, std::generic_category()));
    EXPECT_EQ(other.error().code, std::error_code(EAFNOSUPPORT, std::generic_category()));
  });
}

TEST_F(UdpDatagramsTest, RefusesAPortThatIsBound) {
  open("127.0.0.1", "127.0.0.1");
  loop_.run([&] {
    const auto second = bind_udp_datagrams(loop_, server_->datagrams->local(), {});

    EXPECT_EQ(second.error().code, std::error_code(EADDRINUSE, std::generic_category()));
  });
}

TEST_F(UdpDatagramsTest, MayBeDestroyedByItsOwnCallback) {
  open("127.0.0.1", "127.0.0.1");
  unsigned calls = 0;
  std::unique_ptr<Datagrams> once;
  loop_.run([&] {
    once = bind_udp_datagrams(loop_, {*net::parse_ip("127.0.0.1"), 0},
                              {[&](const Datagram&) {
                                 ++calls;
                                 once.reset();
                               },
                               {}})
               .value();
    for (int i = 0; i < 3; ++i) {
      client_->send("127.0.0.1", once->local().port, "x");
    }
  });

  EXPECT_TRUE(eventually([&] { return once == nullptr; }));
  loop_.run([&] { EXPECT_EQ(calls, 1U); });
}

}  // namespace
}  // namespace weft
