/// What peers may send and must not achieve: each case that crashes, hangs or bloats the original.

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

#include "common/gob/encoder.hpp"
#include "gossip/handshake.hpp"
#include "gossip/sim_mesh.hpp"
#include "gossip/wire/message.hpp"
#include "gossip/wire/topology.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

/// A peer made by hand, as an original behaves unless the test says otherwise.
class RawPeer {
 public:
  RawPeer(testing::SimWorld& world, std::uint64_t number, bool is_weft = false)
      : host_(world, {PeerName{number}, "raw", {}, {}}, {SimMesh::address(number)}),
        name_{number},
        is_weft_(is_weft) {}
  ~RawPeer() {
    host_.loop().run([&] { stream_.reset(); });
  }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// Opens the stream and sends nothing yet.
  void dial() {
    host_.loop().run([&] {
      dial_ = host_.as_host().transport().dial({SimMesh::address(1), 6783}, 5s, [this](auto got) {
        stream_ = *std::move(got);
        stream_->start({[this](ByteView octets) { on_data(octets); },
                        [this](const Error&) { is_closed = true; },
                        {}});
      });
    });
    host_.world().run_until([&] { return stream_ != nullptr; }, 1s);
  }

  /// Dials and finishes the introduction.
  void meet(std::uint64_t connection_id = 77) {
    mesh::Features features;
    features.name = name_;
    features.nickname = "raw";
    features.uid = uid;
    features.connection_id = connection_id;
    features.short_id = short_id;
    features.overlays = {"sleeve"};
    if (is_weft_) {
      features.weft = {200ms, 700ms};
    }
    Handshake::Settings settings;
    settings.outbound = true;
    settings.features = mesh::to_map(features);
    handshake_.emplace(std::move(settings));
    dial();
    write(handshake_->begin());
    host_.world().run_until([&] { return session_.has_value() || is_closed; }, 1s);
  }

  void write(Bytes octets) {
    host_.loop().run([&] {
      if (stream_) {
        stream_->write(std::move(octets));
      }
    });
  }
  void send(const Bytes& message) { write(*session_->encode(message)); }
  void send_topology(const std::vector<Topology::Peer>& peers) {
    std::vector<const Topology::Peer*> list;
    for (const auto& peer : peers) {
      list.push_back(&peer);
    }
    const Bytes payload = mesh::encode_topology(list);
    send(mesh::encode_message(mesh::Gossip{"topology", name_, payload}));
  }

  std::uint64_t uid = 4711;
  std::uint16_t short_id = 1000;
  bool is_closed = false;
  std::vector<Bytes> received;

 private:
  void on_data(ByteView octets) {
    buffer_.append(octets);
    if (!handshake_) {
      return;
    }
    if (!session_) {
      auto answer = handshake_->advance(buffer_);
      if (!answer) {
        return;
      }
      stream_->write(*std::move(answer));
      if (handshake_->stage() == Handshake::Stage::done) {
        session_.emplace(handshake_->take().session);
      }
    }
    while (session_) {
      auto message = session_->next(buffer_);
      if (!message || !*message) {
        return;
      }
      received.push_back(**std::move(message));
    }
  }

  testing::FakeHost host_;
  PeerName name_;
  bool is_weft_;
  std::unique_ptr<Pending> dial_;
  std::unique_ptr<Stream> stream_;
  std::optional<Handshake> handshake_;
  std::optional<Session> session_;
  mesh::ReceiveBuffer buffer_;
};

Bytes octets(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

Bytes repeated(std::size_t count, unsigned char value) {
  return Bytes(count, std::byte{value});
}

Bytes text(std::string_view content) {
  const ByteView view = as_bytes(content);
  return {view.begin(), view.end()};
}

class Hostile : public ::testing::Test {
 protected:
  SimMesh mesh;
  SimNode& node = mesh.add(1);
  RawPeer peer{mesh.world, 2};
};

/// No frame of the fast path passes until others know the new one.
TEST(Rival, AShortIdThatHadToBeGivenUpIsReplacedAtOthersSoon) {
  SimMesh mesh;
  mesh.add_as(1, 50, {});
  SimNode& other = mesh.add(60);
  ASSERT_TRUE(mesh.converge(10s));
  mesh.world.run_for(5s);
  const auto known = [&]() -> std::uint16_t {
    for (const auto& peer : other.topology()->peers) {
      if (peer.name == PeerName{50}) {
        return peer.short_id.value_or(0);
      }
    }
    return 0;
  };

  RawPeer rival{mesh.world, 2};  // a lower name
  rival.short_id = known();
  rival.meet();

  EXPECT_TRUE(mesh.world.run_until([&] { return known() != rival.short_id; }, 200ms));
}

TEST_F(Hostile, AStrangersOctetsEndTheConnectionAtOnce) {
  peer.dial();
  peer.write(text("GET / HTTP/1.1\r\n\r\n"));

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  EXPECT_EQ(node.dropped("not-a-peer"), 1U);
}

TEST_F(Hostile, ASlowHeaderIsCutByItsDeadline) {
  peer.dial();
  for (int i = 0; i < 6; ++i) {
    peer.write(text(std::string(1, "weave\x01"[i])));
    mesh.world.run_for(1s);
  }
  EXPECT_FALSE(peer.is_closed);

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 5s));
  EXPECT_EQ(node.dropped("handshake-timeout"), 1U);
}

TEST_F(Hostile, SlowFeaturesAreCutByTheirDeadline) {
  peer.dial();
  peer.write(octets({'w', 'e', 'a', 'v', 'e', 1, 2, 0, 0, 0, 1, 0}));
  for (int i = 0; i < 59; ++i) {
    peer.write(repeated(1, 7));
    mesh.world.run_for(1s);
  }
  EXPECT_FALSE(peer.is_closed);

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 3s));
  EXPECT_EQ(node.dropped("handshake-timeout"), 1U);
}

TEST_F(Hostile, ALengthBeyondTheLimitEndsTheConnectionBeforeAnyOctetOfIt) {
  peer.meet();
  peer.write(octets({0x00, 0xA0, 0x00, 0x01}));  // 10 MiB and one

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  EXPECT_EQ(node.dropped("malformed"), 1U);
}

TEST_F(Hostile, EmptyAndUnknownMessagesAreIgnored) {
  peer.meet();
  peer.send({});
  peer.send(octets({8, 1, 2, 3}));
  peer.send(octets({255}));
  peer.send(octets({0, 1, 2, 3}));  // a heartbeat with a body

  mesh.world.run_for(1s);

  EXPECT_FALSE(peer.is_closed);
}

TEST_F(Hostile, OverlayControlOfAnyShapeIsForTheSwitchAlone) {
  peer.meet();
  for (const Bytes& body : {octets({7}), octets({7, 9}), octets({7, 0}), octets({7, 255, 255, 255}),
                            octets({1}), octets({2}), octets({3}), octets({3, 1})}) {
    peer.send(body);
  }

  mesh.world.run_for(1s);

  EXPECT_FALSE(peer.is_closed);
}

TEST_F(Hostile, MalformedGossipEndsTheConnection) {
  for (const unsigned tag : {4U, 5U, 6U}) {
    RawPeer other(mesh.world, 10 + tag);
    other.meet();
    other.send(octets({tag, 1, 2, 3}));
    EXPECT_TRUE(mesh.world.run_until([&] { return other.is_closed; }, 1s)) << tag;
  }
  EXPECT_EQ(node.dropped("malformed"), 3U);
}

TEST_F(Hostile, AMalformedTopologyLeavesTheTableAsItWas) {
  peer.meet();
  Bytes payload = testing::golden("topology.txt", "topology-3-peers");
  payload.pop_back();
  peer.send(mesh::encode_message(mesh::Gossip{"topology", PeerName{2}, payload}));

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  mesh.world.run_for(3s);
  EXPECT_EQ(node.topology()->peers.size(), 1U);
}

TEST_F(Hostile, ATopologyUnicastEndsTheConnection) {
  peer.meet();
  peer.send(
      mesh::encode_message(mesh::GossipUnicast{"topology", PeerName{2}, PeerName{1}, Bytes(3)}));

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
}

TEST_F(Hostile, AMeshOfInventedPeersIsRefused) {
  peer.meet();
  Topology::Peer liar;
  liar.name = PeerName{2};
  liar.uid = 4711;
  liar.version = 9;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    liar.connections.push_back({PeerName{0x10000 + i}, "1.2.3.4:5", true, true});
  }
  peer.send_topology({liar});

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 1s));
  EXPECT_LT(node.topology()->peers.size(), 10U);
}

TEST_F(Hostile, UnknownChannelsAreRememberedUpToALimit) {
  peer.meet();
  for (int i = 0; i < 500; ++i) {
    peer.send(
        mesh::encode_message(mesh::Gossip{"channel" + std::to_string(i), PeerName{2}, Bytes(10)}));
  }
  mesh.world.run_for(1s);

  EXPECT_FALSE(peer.is_closed);
  EXPECT_EQ(node.counted("weft_gossip_surrogate_messages_ignored_total",
                         "Messages of unknown channels beyond those remembered."),
            500U - Channels::max_surrogates);
}

TEST_F(Hostile, AUnicastToNowhereIsDroppedAndCounted) {
  peer.meet();
  peer.send(mesh::encode_message(
      mesh::GossipUnicast{"IPallocation", PeerName{2}, PeerName{99}, Bytes(3)}));
  mesh.world.run_for(100ms);

  EXPECT_FALSE(peer.is_closed);
  EXPECT_EQ(node.counted("weft_gossip_unicasts_undeliverable_total",
                         "Unicasts dropped for want of a route or of room."),
            1U);
}

TEST_F(Hostile, OurOwnOldIncarnationIsOutbid) {
  peer.meet();
  Topology::Peer old;
  old.name = PeerName{1};
  old.uid = 1;
  old.version = 5000;
  peer.send_topology({old});
  mesh.world.run_for(2s);

  EXPECT_GT(node.topology()->find(PeerName{1})->version, 5000U);
}

TEST_F(Hostile, ASecondConnectionOfOnePeerLeavesExactlyOne) {
  peer.meet(1);
  RawPeer again(mesh.world, 2);
  again.meet(2);
  mesh.world.run_for(1s);

  EXPECT_NE(peer.is_closed, again.is_closed);
  EXPECT_EQ(node.dropped("duplicate"), 1U);
  EXPECT_EQ(node.topology()->find(PeerName{1})->connections.size(), 1U);
  EXPECT_TRUE(node.gone.empty());
}

TEST_F(Hostile, AnOriginalIsGivenAMinuteOfSilence) {
  peer.meet();
  mesh.world.run_for(59s);
  EXPECT_FALSE(peer.is_closed);

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.is_closed; }, 2s));
  EXPECT_EQ(node.dropped("silent"), 1U);
}

TEST_F(Hostile, AnOriginalHearsFromUsEveryHalfMinute) {
  peer.meet();
  mesh.world.run_for(2s);
  const auto heard = peer.received.size();

  EXPECT_TRUE(mesh.world.run_until([&] { return peer.received.size() > heard; }, 31s));
}

TEST_F(Hostile, AWeftPeerThatFallsSilentIsDroppedWithinASecond) {
  RawPeer weft(mesh.world, 3, /*is_weft=*/true);
  weft.meet();

  EXPECT_TRUE(mesh.world.run_until([&] { return weft.is_closed; }, 1s));
}

TEST_F(Hostile, ATruncatedIntroductionLeavesNothingBehind) {
  const Bytes whole = testing::golden("handshake-v2.txt", "intro-v2-plain-connector");
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    RawPeer partial(mesh.world, 2);
    partial.dial();
    partial.write({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
    mesh.world.run_for(60ms);
  }
  mesh.world.run_for(5s);

  EXPECT_EQ(node.topology()->peers.size(), 1U);
  EXPECT_LE(mesh.world.network().open_sockets(), 1U);
}

}  // namespace
}  // namespace weft::gossip
