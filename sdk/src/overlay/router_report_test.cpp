/// What routers' reports say, and which of them the kernel brings.
#include <weft/overlay/router_report.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "interop/router_reports.hpp"

namespace weft::overlay {
namespace {

using frames::forge_report;
using frames::report_message;

const net::Endpoint local_v4 = *net::parse_endpoint("127.0.0.1:6783");
const net::Endpoint remote_v4 = *net::parse_endpoint("10.99.0.2:40000");
const net::Endpoint local_v6 = *net::parse_endpoint("[::1]:6783");
const net::Endpoint remote_v6 = *net::parse_endpoint("[fd00::2]:40000");

TEST(TooBigReport, NamesTheDestinationAndTheMtu) {
  EXPECT_EQ(parse_too_big_report(net::Family::v4, report_message(local_v4, remote_v4, 1400), 6783),
            (TooBigReport{remote_v4, 1400}));
  EXPECT_EQ(parse_too_big_report(net::Family::v6, report_message(local_v6, remote_v6, 1300), 6783),
            (TooBigReport{remote_v6, 1300}));
}

TEST(TooBigReport, IsAboutOurPortAlone) {
  EXPECT_FALSE(
      parse_too_big_report(net::Family::v4, report_message(local_v4, remote_v4, 1400), 6784));
  EXPECT_FALSE(
      parse_too_big_report(net::Family::v6, report_message(local_v6, remote_v6, 1400), 6784));
}

TEST(TooBigReport, IsReadInFullOrNotAtAll) {
  for (const auto& [local, remote] : {std::pair(local_v4, remote_v4), {local_v6, remote_v6}}) {
    const Bytes whole = report_message(local, remote, 1400);
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
      EXPECT_EQ(parse_too_big_report(local.address.family, ByteView(whole).first(bytes), 6783)
                    .has_value(),
                bytes + 4 >= whole.size())
          << "the length and checksum of UDP are not needed";
    }
  }
}

TEST(TooBigReport, IsNoOtherMessage) {
  for (const auto& [local, remote] : {std::pair(local_v4, remote_v4), {local_v6, remote_v6}}) {
    const std::size_t protocol_at = local.address.is_v4() ? 17 : 14;
    for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{8}, protocol_at}) {
      Bytes message = report_message(local, remote, 1400);
      message[at] ^= std::byte{0x10};
      EXPECT_FALSE(parse_too_big_report(local.address.family, message, 6783)) << at;
    }
  }
}

class TooBigSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0 || std::system("ip link set lo up mtu 1500") != 0) {
      GTEST_SKIP() << "needs CAP_SYS_ADMIN for a network namespace of its own";
    }
  }
};

TEST_F(TooBigSocketTest, BringsReportsAndNothingElse) {
  for (const auto& [local, remote] : {std::pair(local_v4, remote_v4), {local_v6, remote_v6}}) {
    const TooBigSocket socket = TooBigSocket::open(local.address.family, 6783).value();
    net::Endpoint other = local;
    other.port = 53;
    forge_report(other, remote, 1400);
    std::array<std::byte, 100> unread{};
    EXPECT_LT(::recv(socket.fd(), unread.data(), unread.size(), MSG_PEEK), 0)
        << "the kernel dropped it";
    forge_report(local, remote, 1400);
    forge_report(local, remote, 1300);

    std::vector<TooBigReport> reports;
    socket.receive([&](const TooBigReport& report) { reports.push_back(report); });

    EXPECT_EQ(reports, (std::vector<TooBigReport>{{remote, 1400}, {remote, 1300}}));
  }
}

TEST_F(TooBigSocketTest, BringsFewAtATime) {
  const TooBigSocket socket = TooBigSocket::open(net::Family::v4, 6783).value();
  for (int i = 0; i < 20; ++i) {
    forge_report(local_v4, remote_v4, 1400);
  }
  unsigned count = 0;
  socket.receive([&](const TooBigReport&) { ++count; });
  EXPECT_EQ(count, TooBigSocket::max_reports);
}

}  // namespace
}  // namespace weft::overlay
