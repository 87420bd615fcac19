/// The filter in the kernel, between real sockets.
#include "sender_filter.hpp"

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>

#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using testing::peer_a;
using testing::peer_b;

net::IpAddress address(const char* text) {
  return *net::parse_ip(text);
}

/// In clear, with one record that fits.
Bytes datagram(PeerName sender) {
  Bytes octets(100);
  store_peer_name(octets.data(), sender);
  store_be(octets.data() + clear_header_bytes + 2 * peer_name_bytes,
           static_cast<std::uint16_t>(octets.size() - clear_header_bytes - record_header_bytes));
  return octets;
}

Bytes sealed(PeerName sender, std::uint64_t word, std::size_t size = 100) {
  Bytes octets = datagram(sender);
  store_be(octets.data() + peer_name_bytes, word);
  octets.resize(size);
  return octets;
}

SenderTraits from(std::set<net::IpAddress> sources) {
  SenderTraits traits;
  traits.sources = std::move(sources);
  return traits;
}

class SenderFilterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = SenderFilter::open();
    if (!opened) {
      GTEST_SKIP() << "needs CAP_BPF: " << opened.error().message();
    }
    filter_ = *std::move(opened);
    socket_ = *open_udp({*net::parse_endpoint("[::]:0"), 1 << 25, 1 << 20});
    ASSERT_TRUE(filter_->attach(socket_));
  }

  /// Sends `count` of them from an address of the loopback.
  void send(const char* from, const Bytes& octets, unsigned count = 1) {
    const net::Endpoint source{address(from), 0};
    const UniqueFd sender = *open_udp({source, 1 << 20, 1 << 20});
    const bool is_v4 = source.address.is_v4();
    sockaddr_storage to{};
    const socklen_t bytes = net::to_sockaddr(
        {address(is_v4 ? "127.0.0.1" : "::1"), overlay::local_of(socket_).port}, to);
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_EQ(::sendto(sender.get(), octets.data(), octets.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), bytes),
                static_cast<ssize_t>(octets.size()));
    }
  }

  /// How many arrived since the last call: over the loopback they have when they are sent.
  unsigned arrived() {
    std::array<std::byte, 2048> buffer{};
    unsigned count = 0;
    while (::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0) {
      ++count;
    }
    return count;
  }

  /// Refused for a reason since the last call for any.
  std::uint64_t refused(Drop reason) {
    std::uint64_t& before = before_[reason];
    filter_->collect(counters_);
    const auto now =
        host_.metrics()
            .counter("weft_sleeve_dropped_total", "", {{"reason", std::string(to_string(reason))}})
            .value();
    return now - std::exchange(before, now);
  }

  std::optional<SenderFilter> filter_;
  UniqueFd socket_;
  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  Counters counters_{host_.metrics()};
  std::map<Drop, std::uint64_t> before_;
};

TEST_F(SenderFilterTest, TakesPeersThatItKnows) {
  ASSERT_TRUE(filter_->admit(peer_a, from({address("127.0.0.2")})));

  send("127.0.0.2", datagram(peer_a));
  EXPECT_EQ(arrived(), 1U);

  send("127.0.0.2", datagram(peer_b), 5);
  send("::1", datagram(peer_b), 2);
  EXPECT_EQ(arrived(), 0U);
  EXPECT_EQ(refused(Drop::unknown_sender), 7U);
  EXPECT_EQ(refused(Drop::unknown_sender), 0U);
}

TEST_F(SenderFilterTest, TakesFewFromElsewhere) {
  ASSERT_TRUE(filter_->admit(peer_a, from({address("127.0.0.2"), address("::1")})));
  for (int period = 0; period < 2; ++period) {
    send("127.0.0.3", datagram(peer_a), SenderFilter::strays_per_period + 10);
    EXPECT_EQ(arrived(), SenderFilter::strays_per_period);
    for (const char* own : {"127.0.0.2", "::1"}) {
      send(own, datagram(peer_a));
      EXPECT_EQ(arrived(), 1U) << "what comes from the peer's address is no stray: " << own;
    }

    EXPECT_EQ(refused(Drop::wrong_address), 10U);
    EXPECT_EQ(refused(Drop::unknown_sender), 0U);
  }
}

TEST_F(SenderFilterTest, TakesAPeerWithoutAnAddressFromAnywhere) {
  ASSERT_TRUE(filter_->admit(peer_a, from({})));
  send("127.0.0.3", datagram(peer_a), SenderFilter::strays_per_period + 10);
  EXPECT_EQ(arrived(), SenderFilter::strays_per_period + 10);
}

TEST_F(SenderFilterTest, FollowsAPeerThatMovesAndForgetsIt) {
  ASSERT_TRUE(filter_->admit(peer_a, from({address("127.0.0.2")})));
  ASSERT_TRUE(filter_->admit(peer_a, from({address("127.0.0.3")})));
  send("127.0.0.2", datagram(peer_a), SenderFilter::strays_per_period + 1);
  EXPECT_EQ(arrived(), SenderFilter::strays_per_period) << "the old address is no longer its own";
  send("127.0.0.3", datagram(peer_a));
  EXPECT_EQ(arrived(), 1U);

  filter_->forget(peer_a);
  send("127.0.0.3", datagram(peer_a));
  EXPECT_EQ(arrived(), 0U);
  EXPECT_EQ(refused(Drop::unknown_sender), 1U);
}

TEST_F(SenderFilterTest, TakesSealedDatagramsWhoseWordIsInARange) {
  constexpr std::uint64_t high = 0xC1'0000'0000'0000;
  ASSERT_TRUE(filter_->admit(peer_a, {.sources = {address("127.0.0.2")},
                                      .is_encrypted = true,
                                      .fresh = {{5, 9}, {high << 8U, (high << 8U) + 3}}}));
  for (const std::uint64_t word : {std::uint64_t{5}, std::uint64_t{9}, (high << 8U) + 3}) {
    send("127.0.0.2", sealed(peer_a, word));
    EXPECT_EQ(arrived(), 1U) << word;
  }
  for (const std::uint64_t word :
       {std::uint64_t{4}, std::uint64_t{10}, (high << 8U) - 1, (high << 8U) + 4, UINT64_MAX}) {
    send("127.0.0.2", sealed(peer_a, word));
    EXPECT_EQ(arrived(), 0U) << word;
    EXPECT_EQ(refused(Drop::not_fresh), 1U) << word;
  }
}

TEST_F(SenderFilterTest, RefusesSealedDatagramsWithoutRoomForTheirHeader) {
  ASSERT_TRUE(
      filter_->admit(peer_a, {.sources = {}, .is_encrypted = true, .fresh = {{0, UINT64_MAX}}}));
  send("127.0.0.2", sealed(peer_a, 1, sealed_header_bytes));
  EXPECT_EQ(arrived(), 1U);
  send("127.0.0.2", sealed(peer_a, 1, sealed_header_bytes - 1));
  EXPECT_EQ(arrived(), 0U);
  EXPECT_EQ(refused(Drop::short_datagram), 1U);
}

TEST_F(SenderFilterTest, RefusesClearDatagramsWhoseRecordsDoNotFillThem) {
  ASSERT_TRUE(filter_->admit(peer_a, from({})));
  Bytes octets(clear_header_bytes);
  store_peer_name(octets.data(), peer_a);
  for (std::size_t records = 1; records <= 40; ++records) {
    const Bytes record =
        testing::record(peer_a, peer_b, Bytes(ethernet_header_bytes + records % 3));
    octets.insert(octets.end(), record.begin(), record.end());
    send("127.0.0.2", octets);
    EXPECT_EQ(arrived(), 1U) << records;

    const Bytes cut(octets.begin(), octets.end() - 1);
    send("127.0.0.2", cut);
    Bytes garbage = octets;
    garbage.push_back(std::byte{1});
    send("127.0.0.2", garbage);
    EXPECT_EQ(arrived(), 0U) << records;
    EXPECT_EQ(refused(Drop::bad_length), 1U) << records;
    EXPECT_EQ(refused(Drop::trailing_garbage), 1U) << records;
  }
}

TEST_F(SenderFilterTest, LooksAtTheFirstOfJoinedDatagrams) {
  ASSERT_TRUE(filter_->admit(peer_a, from({})));
  Bytes batch = datagram(peer_a);
  const std::size_t size = batch.size();
  const Bytes other(size, std::byte{7});
  batch.insert(batch.end(), other.begin(), other.end());
  const UniqueFd sender = *open_udp({{address("127.0.0.2"), 0}, 1 << 20, 1 << 20});
  const Destination to(overlay::family_of(sender),
                       {address("127.0.0.1"), overlay::local_of(socket_).port}, {});
  iovec piece{batch.data(), batch.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<std::byte, overlay::max_control_bytes> control{};
  to.apply(message, control, static_cast<std::uint16_t>(size));
  ASSERT_EQ(::sendmsg(sender.get(), &message, 0), static_cast<ssize_t>(batch.size()));

  EXPECT_EQ(arrived(), 1U);
  EXPECT_EQ(refused(Drop::trailing_garbage), 0U);
}

TEST_F(SenderFilterTest, RefusesClearDatagramsWhoseFirstRecordEndsBehindThem) {
  ASSERT_TRUE(filter_->admit(peer_a, from({})));
  Bytes octets = datagram(peer_a);
  const std::size_t room = octets.size() - clear_header_bytes - record_header_bytes;
  const auto set_length = [&](std::size_t length) {
    store_be(octets.data() + clear_header_bytes + 2 * peer_name_bytes,
             static_cast<std::uint16_t>(length));
  };
  set_length(room);
  send("127.0.0.2", octets);
  EXPECT_EQ(arrived(), 1U);
  set_length(room + 1);
  send("127.0.0.2", octets);
  octets.resize(clear_header_bytes + record_header_bytes - 1);
  send("127.0.0.2", octets);
  EXPECT_EQ(arrived(), 0U);
  EXPECT_EQ(refused(Drop::bad_length), 1U);
  EXPECT_EQ(refused(Drop::trailing_garbage), 1U);
}

TEST_F(SenderFilterTest, RefusesClearDatagramsWithoutAFrame) {
  ASSERT_TRUE(filter_->admit(peer_a, from({})));
  Bytes octets = datagram(peer_a);
  const auto set_length = [&](std::uint16_t length) {
    store_be(octets.data() + clear_header_bytes + 2 * peer_name_bytes, length);
  };
  octets.resize(clear_header_bytes + record_header_bytes + ethernet_header_bytes);
  set_length(ethernet_header_bytes);
  send("127.0.0.2", octets);
  EXPECT_EQ(arrived(), 1U);
  set_length(ethernet_header_bytes - 1);
  send("127.0.0.2", octets);
  EXPECT_EQ(arrived(), 0U);
  EXPECT_EQ(refused(Drop::undecodable_frame), 1U);
}

TEST_F(SenderFilterTest, RefusesWorthlessDatagramsBeforeTheyCountAsStrays) {
  ASSERT_TRUE(filter_->admit(
      peer_a, {.sources = {address("127.0.0.2")}, .is_encrypted = true, .fresh = {{5, 9}}}));
  send("127.0.0.3", sealed(peer_a, 4), SenderFilter::strays_per_period + 10);
  send("127.0.0.3", sealed(peer_a, 5));
  EXPECT_EQ(arrived(), 1U) << "a peer that moved is heard in spite of a flood";
}

TEST_F(SenderFilterTest, RefusesWhatIsShorterThanAName) {
  send("127.0.0.2", Bytes(5));
  send("127.0.0.2", Bytes());
  EXPECT_EQ(arrived(), 0U);
  EXPECT_EQ(refused(Drop::short_datagram), 2U);
}

TEST_F(SenderFilterTest, TakesEverythingWhenDetached) {
  send("127.0.0.2", datagram(peer_a));
  EXPECT_EQ(arrived(), 0U);
  SenderFilter::detach(socket_);
  send("127.0.0.2", datagram(peer_a));
  EXPECT_EQ(arrived(), 1U);
}

TEST_F(SenderFilterTest, TakesTheOctetsOfANameInTheirOrder) {
  const PeerName name{0x0102030405F6};
  ASSERT_TRUE(filter_->admit(name, from({address("127.0.0.2")})));
  send("127.0.0.2", datagram(name));
  EXPECT_EQ(arrived(), 1U);
  send("127.0.0.2", datagram(PeerName{0x010203040506}));
  EXPECT_EQ(arrived(), 0U);
}

}  // namespace
}  // namespace weft::sleeve
