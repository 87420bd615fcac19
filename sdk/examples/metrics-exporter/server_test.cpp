/// Clients on a virtual network, in virtual time.

#include "server.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <weft/testing/fake_host.hpp>

namespace weft::metrics_exporter {
namespace {

using namespace std::chrono_literals;

const std::string get_metrics = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/// One connection of a client host.
struct Client {
  std::unique_ptr<Pending> dial;
  std::unique_ptr<Stream> stream;
  std::string received;
  bool is_ended = false;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { start(10s); }
  ~ServerTest() override {
    node.loop().run([this] { server.reset(); });
    other.loop().run([this] { clients.clear(); });
  }

  void start(Duration patience) {
    node.loop().run([&] {
      MetricsReader& reader = **node.services().require<MetricsReader>();
      Host& host = node.as_host();
      server = std::make_unique<Server>(
          Server::Node{host.loop(), host.transport(), host.metrics(), reader},
          Limits{.connections = 3, .patience = patience});
      ASSERT_TRUE(server->start({node.address(), 9782}));
    });
  }

  /// Connects; what arrives is kept.
  Client& connect() {
    Client& client = *clients.emplace_back(std::make_unique<Client>());
    other.loop().run([&] {
      client.dial = other.as_host().transport().dial(
          {node.address(), 9782}, 5s, [&client](Result<std::unique_ptr<Stream>> got) {
            ASSERT_TRUE(got) << got.error().message();
            client.stream = *std::move(got);
            client.stream->start(
                {.on_data =
                     [&client](ByteView octets) {
                       client.received.append(reinterpret_cast<const char*>(octets.data()),
                                              octets.size());
                     },
                 .on_end = [&client](const Error& /*reason*/) { client.is_ended = true; },
                 .on_drained = {}});
          });
    });
    world.run_for(100ms);
    return client;
  }

  void send(Client& client, const std::string& text) {
    other.loop().run([&] {
      const auto octets = std::as_bytes(std::span(text));
      client.stream->write({octets.begin(), octets.end()});
    });
    world.run_for(100ms);
  }

  std::string ask(const std::string& text) {
    Client& client = connect();
    send(client, text);
    return client.received;
  }

  std::uint64_t dropped() {
    return node.metrics().counter("weft_metrics_exporter_dropped_total", "", {}).value();
  }

  weft::testing::SimWorld world;
  weft::testing::FakeHost node{world};
  weft::testing::FakeHost other{world};
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<Client>> clients;
};

TEST_F(ServerTest, ServesEveryMetricOfTheNode) {
  node.metrics().counter("weft_test_frames_total", "Frames.", {{"lane", "0"}}).add(3);

  const std::string answer = ask(get_metrics);

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4"), std::string::npos) << answer;
  EXPECT_NE(answer.find("weft_test_frames_total{lane=\"0\"} 3\n"), std::string::npos) << answer;
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  const std::string answer = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(ServerTest, RefusesOtherPathsMethodsAndGarbage) {
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
  clients.clear();
  EXPECT_TRUE(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
                  .starts_with("HTTP/1.1 405 "));
  clients.clear();
  EXPECT_TRUE(ask("\x16\x03\x01").starts_with("HTTP/1.1 400 "));
  clients.clear();
  EXPECT_TRUE(ask(std::string(max_request_bytes + 1, 'a')).starts_with("HTTP/1.1 4"));
}

TEST_F(ServerTest, ServesOneRequestAfterTheOtherOnAConnection) {
  Client& client = connect();

  send(client, get_metrics + get_metrics);
  send(client, get_metrics);

  std::size_t answers = 0;
  for (std::size_t at = 0; (at = client.received.find("HTTP/1.1 200", at)) != std::string::npos;
       ++at) {
    ++answers;
  }
  EXPECT_EQ(answers, 3U);
  EXPECT_FALSE(client.is_ended);
}

TEST_F(ServerTest, LeavesTheClientTimeToCloseAfterTheLastAnswer) {
  Client& client = connect();

  send(client, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 200 "));
  EXPECT_FALSE(client.is_ended);
  const std::size_t size = client.received.size();
  send(client, get_metrics);
  EXPECT_EQ(client.received.size(), size) << "nothing is answered after the last answer";
  world.run_for(11s);

  EXPECT_TRUE(client.is_ended);
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(ServerTest, DropsAClientThatSendsItsRequestTooSlowly) {
  Client& client = connect();

  for (int i = 0; i < 12 && !client.is_ended; ++i) {
    send(client, get_metrics.substr(static_cast<std::size_t>(i), 1));
    world.run_for(1s);
  }

  EXPECT_TRUE(client.is_ended);
  EXPECT_EQ(dropped(), 1U);
}

TEST_F(ServerTest, DropsAClientThatDoesNotTakeItsAnswer) {
  for (int i = 0; i < 20'000; ++i) {  // more than a network's buffers hold
    node.metrics().counter("weft_test_long_total", "Long.", {{"number", std::to_string(i)}}).add();
  }
  Client& client = connect();
  other.loop().run([&] { client.stream->pause(); });
  send(client, get_metrics + get_metrics + get_metrics + get_metrics);

  world.run_for(60s);

  EXPECT_EQ(dropped(), 1U);
}

TEST_F(ServerTest, LetsFurtherClientsWaitUntilOneLeaves) {
  for (int i = 0; i < 3; ++i) {
    connect();
  }
  Client& fourth = connect();
  if (!fourth.stream) {
    world.run_for(1s);
  }
  other.loop().run([this] { clients[0]->stream.reset(); });
  world.run_for(1s);
  ASSERT_TRUE(fourth.stream);

  send(fourth, get_metrics);

  EXPECT_TRUE(fourth.received.starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, SurvivesAClientThatLeavesInTheMiddle) {
  Client& client = connect();
  send(client, get_metrics.substr(0, 10));
  other.loop().run([&] { client.stream.reset(); });
  world.run_for(1s);

  EXPECT_TRUE(ask(get_metrics).starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace weft::metrics_exporter
