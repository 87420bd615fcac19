/// The SDK's examples as real plugins in a real node, used from outside it. (The overlay among them
/// has the whole demonstration: lab_demo_other_overlay.)

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "fabric/built_in.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/control/client.hpp"
#include "runtime/host/node.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;

class ExamplesTest : public ::testing::Test {
 protected:
  ExamplesTest() {
    std::string pattern = ::testing::TempDir() + "weft-examples-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~ExamplesTest() override {
    if (thread_.joinable()) {
      main_->post([this] { node_->request_stop(); });
      thread_.join();
    }
    std::filesystem::remove_all(directory_);
  }

  void run(const std::string& plugins, const std::string& more) {
    const std::string file = directory_ + "/weft.toml";
    std::ofstream(file) << fmt::format(
        "[host]\nplugins = [{0}]\nplugin-path = [\"{1}/plugins-out\"]\nname = \"::1\"\n"
        "state-directory = \"{2}/state\"\nrun-directory = \"{2}/run\"\n{3}",
        plugins, WEFT_BINARY_DIR, directory_, more);
    auto config = config::load_node_config(file);
    ASSERT_TRUE(config) << config.error().front().to_string();
    NodeOptions options;
    options.built_in = {fabric::built_in()};
    auto node = Node::create(*std::move(config), main_, std::move(options));
    ASSERT_TRUE(node) << node.error().front();
    node_ = *std::move(node);
    const auto started = node_->start();
    ASSERT_TRUE(started) << started.error().message();
    thread_ = std::thread([this] {
      static_cast<void>(node_->run());
      node_->stop();
    });
  }

  nlohmann::json call(std::string_view command) {
    const auto answer = control::call(directory_ + "/run/weft.sock", command, "", 20s);
    return answer ? nlohmann::json::parse(*answer) : nlohmann::json(answer.error().message());
  }

  std::string directory_;
  std::shared_ptr<MainLoop> main_ = std::make_shared<MainLoop>();
  std::unique_ptr<Node> node_;
  std::thread thread_;
};

/// What the server at `address` sends until it closes the connection.
std::string talk(const std::string& address, const std::string& request) {
  using boost::asio::ip::tcp;
  const net::Endpoint at = net::parse_endpoint(address).value();
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address(to_string(at.address)), at.port});
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string answer;
  boost::system::error_code ended;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), ended);
  return answer;
}

TEST_F(ExamplesTest, AVisitorIsGreetedThroughTheOtherPluginsInterface) {
  run("\"visitor\", \"greeter\", \"hello\"",
      "[plugin.visitor]\nname = \"Ada\"\nlanguage = \"fr\"\n");

  EXPECT_EQ(call("visitor.visit"), "Bonjour, Ada");
}

TEST_F(ExamplesTest, TheExporterServesTheNodesMetrics) {
  run("\"metrics-exporter\"",
      "[plugin.metrics-exporter]\nlisten = \"127.0.0.1:0\"\npatience = \"500ms\"\n");
  const std::string address = call("metrics-exporter.status")["address"];

  const std::string answer =
      talk(address, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("\nweft_dataplane_captured_frames_total 0\n"), std::string::npos) << answer;
}

TEST_F(ExamplesTest, TheExporterDropsAClientThatNeverFinishesItsRequest) {
  run("\"metrics-exporter\"",
      "[plugin.metrics-exporter]\nlisten = \"127.0.0.1:0\"\npatience = \"500ms\"\n");
  const std::string address = call("metrics-exporter.status")["address"];

  EXPECT_EQ(talk(address, "GET /metr"), "");  // returns at all because it was dropped

  EXPECT_EQ(call("metrics-exporter.status")["connections"], 0);
}

}  // namespace
}  // namespace weft::host
