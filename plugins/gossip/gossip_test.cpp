/// Whole nodes in a simulated world: convergence, failures, encryption, channels.

#include "gossip/gossip.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <weft/events/direct_peers.hpp>

#include "gossip/password_file.hpp"
#include "gossip/testing/raw_peer.hpp"
#include "gossip/testing/sim_mesh.hpp"

namespace weft::gossip {
namespace {

using namespace std::chrono_literals;

SimNode::Options with(testing::Settings settings) {
  SimNode::Options options;
  options.settings = std::move(settings);
  return options;
}

TEST(Mesh, ThreeNodesConvergeWithinSeconds) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    mesh.add(i);
  }

  EXPECT_TRUE(mesh.converge(10s));
  mesh.world.run_for(1s);
  EXPECT_EQ(mesh.nodes[0]->seen, (std::set{PeerName{2}, PeerName{3}}));
  EXPECT_EQ(mesh.nodes[2]->topology()->peers.size(), 3U);
  EXPECT_EQ(mesh.nodes[2]->topology()->direct_peers, 1U);
}

TEST(Mesh, FramesFindTheirWaySoonAfterPeersMeet) {
  SimMesh mesh;
  mesh.add(1);
  mesh.add(2);

  EXPECT_TRUE(mesh.converge(300ms));
}

TEST(Mesh, TwentyNodesFormAFullMeshThroughOne) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    mesh.add(i);
  }

  EXPECT_TRUE(mesh.converge(60s));
}

TEST(Mesh, ShortIdsEndUpDifferent) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    mesh.add(i);
  }
  ASSERT_TRUE(mesh.converge(60s));
  mesh.world.run_for(5s);

  std::set<std::uint16_t> ids;
  for (const auto& peer : mesh.nodes[7]->topology()->peers) {
    ids.insert(peer.short_id.value_or(0));
  }

  EXPECT_EQ(ids.size(), 20U);
}

std::uint16_t short_id_of(const SimNode& seen_by, std::uint64_t number) {
  for (const auto& peer : seen_by.topology()->peers) {
    if (peer.name == PeerName{number}) {
      return peer.short_id.value_or(0);
    }
  }
  return 0;
}

/// Two nodes of a mesh that is not connected yet, by their numbers, with one short id.
std::optional<std::pair<std::uint64_t, std::uint64_t>> with_one_short_id(const SimMesh& mesh) {
  std::map<std::uint16_t, std::uint64_t> owners;
  for (std::uint64_t number = 1; number <= mesh.nodes.size(); ++number) {
    const auto [at, is_first] =
        owners.emplace(short_id_of(*mesh.nodes[number - 1], number), number);
    if (!is_first) {
      return std::pair(at->second, number);
    }
  }
  return std::nullopt;
}

TEST(Mesh, OfTwoNodesThatChoseOneShortIdTheLowerNameKeepsIt) {
  std::unique_ptr<SimMesh> mesh;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> rivals;
  for (std::uint64_t seed = 1; !rivals; ++seed) {
    mesh = std::make_unique<SimMesh>(seed);
    for (std::uint64_t number = 1; number <= 20; ++number) {
      mesh->add(number);
    }
    rivals = with_one_short_id(*mesh);
  }
  const auto [lower, higher] = *rivals;
  const std::uint16_t contested = short_id_of(*mesh->nodes[lower - 1], lower);

  ASSERT_TRUE(mesh->converge(60s));
  mesh->world.run_for(5s);

  const std::uint16_t chosen = short_id_of(*mesh->nodes[higher - 1], higher);
  EXPECT_NE(chosen, contested);
  for (const auto& node : mesh->nodes) {
    EXPECT_EQ(short_id_of(*node, lower), contested);
    EXPECT_EQ(short_id_of(*node, higher), chosen);
  }
}

TEST(Mesh, ABlackHoleIsRoutedAroundWithinASecond) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    mesh.add(i);
  }
  ASSERT_TRUE(mesh.converge(10s));
  mesh.world.run_for(90s);

  mesh.world.network().block(SimMesh::address(2), SimMesh::address(3));  // one way only

  EXPECT_TRUE(mesh.world.run_until(
      [&] { return mesh.nodes[1]->via(3) == PeerName{1} && mesh.nodes[2]->via(2) == PeerName{1}; },
      1s));
  EXPECT_EQ(mesh.nodes[2]->dropped("silent"), 1U);
}

TEST(Mesh, APartitionHealsWithoutLosingRoutesOnTheWay) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    mesh.add(i);
  }
  ASSERT_TRUE(mesh.converge(10s));
  mesh.world.network().partition({SimMesh::address(2)}, {SimMesh::address(3)});
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[1]->via(3) == PeerName{1}; }, 2s));
  mesh.world.run_for(30s);

  mesh.world.network().heal();

  const bool is_always_reachable = !mesh.world.run_until(
      [&] { return mesh.nodes[1]->reachable() != 2 || mesh.nodes[2]->reachable() != 2; }, 120s);
  EXPECT_TRUE(is_always_reachable);
  EXPECT_EQ(mesh.nodes[1]->via(3), PeerName{3});
  EXPECT_EQ(mesh.nodes[2]->via(2), PeerName{2});
}

/// While a way is cut both ends dial, and a dial that was under way ends when the way is healed.
TEST(Mesh, ADialUnderWayReplacesNoConnectionThatCameFirst) {
  std::uint64_t replaced = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimMesh mesh(seed);
    for (std::uint64_t i = 1; i <= 3; ++i) {
      mesh.add(i);
    }
    ASSERT_TRUE(mesh.converge(10s));
    const std::uint64_t before = mesh.nodes[1]->dropped("duplicate");
    mesh.world.network().block(SimMesh::address(2), SimMesh::address(3));
    ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[1]->via(3) == PeerName{1}; }, 2s));
    mesh.world.run_for(2s);

    mesh.world.network().heal();

    ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[1]->via(3) == PeerName{3}; }, 20s));
    mesh.world.run_for(10s);
    replaced += mesh.nodes[1]->dropped("duplicate") - before;
  }
  EXPECT_EQ(replaced, 0U);
}

TEST(Mesh, AnIdleMeshKeepsItsConnections) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    mesh.add(i);
  }
  ASSERT_TRUE(mesh.converge(10s));
  mesh.world.run_for(5s);
  const int changes = mesh.nodes[0]->route_changes;

  mesh.world.run_for(30min);

  EXPECT_EQ(mesh.nodes[0]->route_changes, changes);
}

TEST(Mesh, ARestartedPeerComesBackUnderItsName) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    mesh.add(i);
  }
  ASSERT_TRUE(mesh.converge(10s));
  const std::uint64_t old_uid = mesh.nodes[0]->topology()->find(PeerName{3})->uid;

  mesh.nodes.pop_back();
  ASSERT_TRUE(mesh.world.run_until([&] { return mesh.nodes[0]->gone.contains(PeerName{3}); }, 5s));
  mesh.add(3);

  EXPECT_TRUE(mesh.converge(20s));
  EXPECT_NE(mesh.nodes[0]->topology()->find(PeerName{3})->uid, old_uid);
}

TEST(Mesh, AFourthNodeComingAndGoingLeavesOtherRoutesAlone) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    mesh.add(i);
  }
  ASSERT_TRUE(mesh.converge(10s));

  for (int round = 0; round < 5; ++round) {
    mesh.add(4);
    ASSERT_TRUE(mesh.converge(30s));
    mesh.nodes.pop_back();
    EXPECT_FALSE(mesh.world.run_until(
        [&] {
          return mesh.nodes[0]->via(2) != PeerName{2} || mesh.nodes[1]->via(1) != PeerName{1};
        },
        5s));
  }
}

TEST(Mesh, EveryPairKeepsOneConnectionWhenBothDial) {
  SimMesh mesh;
  const testing::Settings both{
      {"peers", std::vector<std::string>{"10.0.0.1:6783", "10.0.0.2:6783"}}};
  mesh.add(1, with(both));
  mesh.add(2, with(both));
  ASSERT_TRUE(mesh.converge(30s));
  mesh.world.run_for(10min);
  const std::uint64_t ended =
      mesh.nodes[0]->dropped("duplicate") + mesh.nodes[1]->dropped("duplicate");

  mesh.world.run_for(1h);

  EXPECT_EQ(mesh.nodes[0]->topology()->find(PeerName{1})->connections.size(), 1U);
  EXPECT_EQ(mesh.nodes[0]->dropped("duplicate") + mesh.nodes[1]->dropped("duplicate"), ended);
  EXPECT_GT(mesh.nodes[0]->dropped("self"), 0U);
}

TEST(Mesh, AWrongPasswordKeepsPeersApart) {
  const PasswordFile right("weave-secret");
  const PasswordFile wrong("another");
  SimMesh mesh;
  SimNode& first = mesh.add(1, with({{"password-file", right.path()}}));
  SimNode& second = mesh.add(2, with({{"password-file", right.path()}}));
  SimNode& stranger = mesh.add(3, with({{"password-file", wrong.path()}}));
  SimNode& open = mesh.add(4);

  mesh.world.run_for(30s);

  EXPECT_EQ(first.reachable(), 1U);
  EXPECT_EQ(second.reachable(), 1U);
  EXPECT_EQ(stranger.reachable(), 0U);
  EXPECT_EQ(open.reachable(), 0U);
  EXPECT_GT(first.dropped("undecryptable") + stranger.dropped("undecryptable"), 0U);
  EXPECT_GT(first.dropped("handshake-refused") + open.dropped("handshake-refused"), 0U);
  EXPECT_TRUE(second.overlays.links.back().session_key);
}

TEST(Mesh, TrustOnBothSidesLeavesTheOverlayPlain) {
  const PasswordFile password("weave-secret");
  SimMesh mesh;
  const testing::Settings trusting{{"password-file", password.path()},
                                   {"trusted-subnets", std::vector<std::string>{"10.0.0.0/24"}}};
  SimNode& first = mesh.add(1, with(trusting));
  mesh.add(2, with(trusting));
  mesh.add(3, with({{"password-file", password.path()}}));
  ASSERT_TRUE(mesh.converge(30s));

  for (const OverlayLink& link : first.overlays.links) {
    EXPECT_EQ(link.session_key.has_value(), link.remote == PeerName{3});
  }
}

TEST(Mesh, OverlaysGetTheAgreedTimes) {
  SimMesh mesh;
  SimNode& first = mesh.add(1);
  mesh.add(2);
  ASSERT_TRUE(mesh.converge(10s));

  EXPECT_EQ(first.overlays.links.back().heartbeat, 200ms);
  EXPECT_EQ(first.overlays.links.back().timeout, 700ms);
}

TEST(Mesh, TwoPeersOfOneNameDoNotMeet) {
  SimMesh mesh;
  SimNode& first = mesh.add(1);
  SimNode& impostor = mesh.add_as(2, 1, with({{"peers", std::vector<std::string>{"10.0.0.1"}}}));

  mesh.world.run_for(1min);

  EXPECT_EQ(first.reachable(), 0U);
  EXPECT_EQ(impostor.dropped("name-collision"), 1U);  // and not tried again
}

TEST(Mesh, TheConnectionLimitHoldsAndTheRestIsReachedThroughOthers) {
  SimMesh mesh;
  SimNode& first = mesh.add(1, with({{"connection-limit", std::int64_t{2}}}));
  for (std::uint64_t i = 2; i <= 5; ++i) {
    mesh.add(i);
  }

  mesh.world.run_for(2min);

  EXPECT_EQ(first.topology()->find(PeerName{1})->connections.size(), 2U);
  EXPECT_GT(first.dropped("connection-limit"), 0U);
}

TEST(Mesh, PeersWithoutACommonOverlayPart) {
  SimMesh mesh;
  SimNode& first = mesh.add(1);
  SimNode::Options other;
  other.overlay = "awsvpc";
  SimNode& second = mesh.add(2, std::move(other));

  mesh.world.run_for(10s);

  EXPECT_EQ(first.topology()->find(PeerName{1})->connections.size(), 0U);
  EXPECT_GT(first.dropped("no-common-overlay") + second.dropped("no-common-overlay"), 0U);
}

TEST(Mesh, WithoutDiscoveryALineStaysALine) {
  SimMesh mesh;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    mesh.add_as(i, i,
                with({{"discovery", false},
                      {"peers", std::vector<std::string>{"10.0.0." + std::to_string(i - 1)}}}));
  }

  mesh.world.run_for(30s);

  EXPECT_EQ(mesh.nodes[0]->via(4), PeerName{2});
  EXPECT_EQ(mesh.nodes[3]->via(1), PeerName{3});
}

TEST(Mesh, DirectPeersChangedAtRunTimeSurviveARestart) {
  SimMesh mesh;
  mesh.add(1);
  auto disk = std::make_shared<testing::MemoryDisk>();
  SimNode::Options options;
  options.disk = disk;
  SimNode& second = mesh.add_as(2, 2, options);
  ASSERT_TRUE(second.host().call("mesh.connect", R"({"peers":["10.0.0.1"]})"));
  ASSERT_TRUE(mesh.converge(10s));

  mesh.nodes.pop_back();
  mesh.add_as(2, 2, options);

  EXPECT_TRUE(mesh.converge(20s));
}

TEST(Mesh, PublishesWhereItLooksForPeersBeforeItIsConnected) {
  SimMesh mesh;
  const std::vector<std::string> peers{"10.0.0.9", "10.0.0.8:1"};
  SimNode& node = mesh.add_as(1, 1, with({{"peers", peers}}));
  std::vector<net::IpAddress> published;
  const auto subscription = node.host().bus().subscribe<events::DirectPeersChanged>(
      [&](const events::DirectPeersChanged& event) { published = event.addresses; });
  mesh.world.run_for(1s);

  EXPECT_EQ(published,
            (std::vector{net::parse_ip("10.0.0.8").value(), net::parse_ip("10.0.0.9").value()}));
}

TEST(Mesh, ConnectAnswersWithEveryAddressItCannotUse) {
  SimMesh mesh;
  mesh.add(1);
  SimNode& second = mesh.add_as(2, 2, {});

  const auto answer =
      second.host().call("mesh.connect", R"({"peers":["10.0.0.1","no.such.name","bad:port"]})");

  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().context.find("no.such.name"), std::string::npos);
  EXPECT_NE(answer.error().context.find("bad:port"), std::string::npos);
  EXPECT_TRUE(mesh.converge(10s));
}

TEST(Mesh, InTheReportListsWithoutElementsAreNullApartFromTrustedSubnets) {
  SimMesh mesh;
  SimNode& alone = mesh.add(1);
  ASSERT_TRUE(mesh.converge(10s));
  ASSERT_TRUE(alone.host().call("mesh.forget", R"({"peers":["10.0.0.1"]})"));

  const std::string report = alone.host().call("report.Router").value();
  for (const char* const field :
       {R"("Connections":null}],"UnicastRoutes":[{"Dest":"00:00:00:00:00:01",)",
        R"("BroadcastRoutes":[{"Source":"00:00:00:00:00:01","Via":null}],"Connections":null,)",
        R"("Targets":null,"OverlayDiagnostics":{},"TrustedSubnets":[],)",
        R"("Interface":"no overlay bridge","CaptureStats":null,"MACs":null})"}) {
    EXPECT_NE(report.find(field), std::string::npos) << field << " in " << report;
  }
}

TEST(Mesh, CommandsSpeakTheReportsLanguage) {
  SimMesh mesh;
  SimNode& first = mesh.add(1);
  mesh.add(2);
  ASSERT_TRUE(mesh.converge(10s));

  const auto status = first.host().call("mesh.status");
  ASSERT_TRUE(status);
  for (const char* const field :
       {R"("Protocol":"weave")", R"("Port":6783)", R"("Name":"00:00:00:00:00:01")",
        R"("Via":"00:00:00:00:00:02")", R"("State":"established")", R"("TrustedSubnets":[])"}) {
    EXPECT_NE(status->find(field), std::string::npos) << field << " in " << *status;
  }
  EXPECT_NE(first.host().call("mesh.connections")->find("sleeve 00:00:00:00:00:02(node2)"),
            std::string::npos);
  EXPECT_EQ(*first.host().call("mesh.targets"), R"(["10.0.0.1"])");
  const auto unknown = first.host().call("mesh.forget", R"({"peers":["node9"]})");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::not_found);
  EXPECT_EQ(unknown.error().context,
            "forget 'node9': this node was not told to connect to it, but to 10.0.0.1");
  EXPECT_NE(first.host().call("report.Router")->find(R"("Targets":["10.0.0.1"],"OverlayDiag)"),
            std::string::npos);
  ASSERT_TRUE(first.host().call("mesh.forget", R"({"peers":["10.0.0.1"]})"));
  EXPECT_EQ(*first.host().call("mesh.targets"), "[]");
  EXPECT_FALSE(first.host().call("mesh.connect", "[]"));
}

/// A channel's user that keeps the greatest number it heard of.
class Greatest final : public GossipHandler {
 public:
  explicit Greatest(SimNode& node, std::string channel = "greatest") : node_(node) {
    node.host().loop().run(
        [&] { channel_ = *node.mesh().join(std::move(channel), *this, node.host().loop()); });
  }
  ~Greatest() {
    node_.host().loop().run([&] { channel_.reset(); });
  }
  Greatest(const Greatest&) = delete;
  Greatest& operator=(const Greatest&) = delete;

  void set(std::uint8_t value) {
    node_.host().loop().run([&] {
      number = value;
      channel_->broadcast_state();
    });
  }
  [[nodiscard]] Result<> send(std::uint64_t to, std::uint8_t value) {
    return node_.host().await<>([&](Reply<> sent) {
      channel_->unicast(PeerName{to}, Bytes{std::byte{value}}, std::move(sent));
    });
  }

  Result<> on_unicast(PeerName source, ByteView payload) override {
    last_source = source;
    letters.push_back(std::to_integer<std::uint8_t>(payload[0]));
    return {};
  }
  Result<std::optional<Bytes>> on_broadcast(PeerName, ByteView payload) override {
    (void)merge(payload);
    return std::optional<Bytes>{Bytes{std::byte{number}}};
  }
  Result<std::optional<Bytes>> on_gossip(ByteView payload) override {
    if (refuses) {
      return fail(Errc::conflict, "agree with the peer");
    }
    return merge(payload) ? std::optional<Bytes>{Bytes{std::byte{number}}} : std::nullopt;
  }
  Bytes complete_state() override {
    ++states;
    return {std::byte{number}};
  }

  std::uint8_t number = 0;
  int states = 0;
  bool refuses = false;
  PeerName last_source{};
  std::vector<std::uint8_t> letters;

 private:
  bool merge(ByteView payload) {
    const auto value = std::to_integer<std::uint8_t>(payload[0]);
    const bool is_news = value > number;
    number = std::max(number, value);
    return is_news;
  }

  SimNode& node_;
  std::unique_ptr<GossipChannel> channel_;
};

TEST(Mesh, SpeaksTheAssumedOverlayWithAPeerThatNamesNone) {
  SimMesh mesh;
  SimNode& node = mesh.add(1);
  RawPeer peer{mesh.world, 2};
  peer.overlays.reset();
  peer.meet();
  mesh.world.run_for(1s);
  ASSERT_EQ(node.overlays.links.size(), 1U);
  const auto is_plain = [](const Bytes& message) {
    return std::holds_alternative<mesh::CompatControl>(*mesh::parse_message(message));
  };
  EXPECT_EQ(std::ranges::count_if(peer.received, is_plain), 1);

  peer.send(mesh::encode_message(mesh::OverlayControl{0, 1, {}}));
  mesh.world.run_for(1s);
  EXPECT_EQ(node.overlays.controls, 0U) << "it has no overlay switch";
  peer.send(mesh::encode_message(mesh::CompatControl{1, {}}));
  mesh.world.run_for(1s);
  EXPECT_EQ(node.overlays.controls, 1U);
}

TEST(Mesh, RefusesAPeerThatNamesNoOverlayWithoutTheAssumedOne) {
  SimMesh mesh;
  SimNode& node = mesh.add(1, {.settings = {}, .overlay = "fastdp"});
  RawPeer peer{mesh.world, 2};
  peer.overlays.reset();
  peer.meet();
  mesh.world.run_for(1s);

  EXPECT_TRUE(peer.is_closed);
  EXPECT_EQ(node.dropped("no-common-overlay"), 1U);
}

/// Provides an overlay, as a plugin does that is started at run time.
class StartedOverlay final : public Plugin, public Overlay {
 public:
  explicit StartedOverlay(Host& host) : host_(host) {}
  Result<> start() override { return host_.services().provide<Overlay>(*this); }
  void stop() noexcept override {}

  std::string_view name() const noexcept override { return "started"; }
  int preference() const noexcept override { return 1; }
  std::uint32_t overhead() const noexcept override { return 0; }
  Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink& /*link*/, std::shared_ptr<OverlayListener> /*listener*/) override {
    return weft::fail(Errc::unsupported, "prepare");
  }

 private:
  Host& host_;
};

TEST(Mesh, MeetsEveryPeerAnewWhenAnOverlayStarts) {
  SimMesh mesh;
  mesh.add(1);
  mesh.add(2);
  mesh.add(3);
  ASSERT_TRUE(mesh.converge(10s));
  mesh.world.run_for(2min);  // long enough for the others to dial again without back-off
  SimNode& node = *mesh.nodes[0];
  const auto met = node.overlays.links.size();

  node.host().start<StartedOverlay>("started");
  mesh.world.run_for(1s);

  EXPECT_EQ(node.dropped("new-overlay"), 2U);
  EXPECT_EQ(node.overlays.links.size(), met + 2) << "dialled at once, not after the back-off";
  EXPECT_TRUE(mesh.converge(3s));
}

TEST(Mesh, StaysConnectedWhenAnOverlayStops) {
  SimMesh mesh;
  mesh.add(1).host().start<StartedOverlay>("started");
  mesh.add(2);
  ASSERT_TRUE(mesh.converge(10s));

  mesh.nodes[0]->host().stop("started");
  mesh.world.run_for(1s);

  EXPECT_EQ(mesh.nodes[0]->dropped("new-overlay"), 0U);
}

TEST(Channel, ABroadcastReachesEverybodyAlongTheRoutes) {
  SimMesh mesh;
  std::vector<std::unique_ptr<Greatest>> users;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    users.push_back(std::make_unique<Greatest>(mesh.add(i)));
  }
  ASSERT_TRUE(mesh.converge(30s));

  users[3]->set(42);
  mesh.world.run_for(1s);

  for (const auto& user : users) {
    EXPECT_EQ(user->number, 42);
  }
}

TEST(Channel, AJoiningNodeLearnsTheStateAtOnce) {
  SimMesh mesh;
  Greatest first(mesh.add(1));
  first.set(9);
  Greatest second(mesh.add(2));

  EXPECT_TRUE(mesh.world.run_until([&] { return second.number == 9; }, 2s));
}

TEST(Channel, AUserThatJoinsAfterTheConnectionHearsWhatCameBefore) {
  SimMesh mesh;
  Greatest first(mesh.add(1));
  first.set(9);
  SimNode& node = mesh.add(2);
  ASSERT_TRUE(mesh.converge(10s));

  Greatest second(node);

  EXPECT_TRUE(mesh.world.run_until([&] { return second.number == 9; }, 1s));
}

TEST(Channel, PeriodicGossipMendsWhatWasMissed) {
  SimMesh mesh;
  Greatest first(mesh.add(1));
  Greatest second(mesh.add(2));
  ASSERT_TRUE(mesh.converge(10s));
  first.number = 77;  // without telling anybody

  EXPECT_TRUE(mesh.world.run_until([&] { return second.number == 77; }, 31s));
}

TEST(Channel, UnicastsAreRelayedToPeersFurtherAway) {
  SimMesh mesh;
  std::vector<std::unique_ptr<Greatest>> users;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    SimNode& node =
        mesh.add_as(i, i,
                    with({{"discovery", false},
                          {"peers", std::vector<std::string>{"10.0.0." + std::to_string(i - 1)}}}));
    if (i != 2) {
      users.push_back(std::make_unique<Greatest>(node));  // the middle only passes on
    }
  }
  mesh.world.run_for(10s);

  ASSERT_TRUE(users[0]->send(3, 5));
  ASSERT_TRUE(users[0]->send(3, 6));
  mesh.world.run_for(100ms);

  EXPECT_EQ(users[1]->letters, (std::vector<std::uint8_t>{5, 6}));
  EXPECT_EQ(users[1]->last_source, PeerName{1});
  EXPECT_EQ(users[0]->send(99, 1).error().code, make_error_code(Errc::unreachable));
}

TEST(Channel, APeerThatDidNotJoinPassesGossipAndBroadcastsOn) {
  SimMesh mesh;
  std::vector<std::unique_ptr<Greatest>> users;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    SimNode& node =
        mesh.add_as(i, i,
                    with({{"discovery", false},
                          {"peers", std::vector<std::string>{"10.0.0." + std::to_string(i - 1)}}}));
    if (i != 2) {
      users.push_back(std::make_unique<Greatest>(node));
    }
  }
  mesh.world.run_for(10s);

  users[0]->set(3);
  mesh.world.run_for(1s);
  EXPECT_EQ(users[1]->number, 3);
  users[0]->number = 8;
  mesh.world.run_for(31s);
  EXPECT_EQ(users[1]->number, 8);
}

TEST(Channel, ARefusalEndsTheConnectionThatDelivered) {
  SimMesh mesh;
  Greatest first(mesh.add(1));
  SimNode& node = mesh.add(2);
  Greatest second(node);
  ASSERT_TRUE(mesh.converge(10s));

  second.refuses = true;
  mesh.world.run_for(31s);

  EXPECT_GT(node.dropped("handler-refused"), 0U);
}

TEST(Channel, ANameIsTakenOnce) {
  SimMesh mesh;
  SimNode& node = mesh.add(1);
  auto first = std::make_unique<Greatest>(node);
  Greatest other(node, "other");
  const auto join = [&] {
    bool is_taken = false;
    node.host().loop().run([&] {
      auto again = node.mesh().join("greatest", other, node.host().loop());
      is_taken = !again && again.error().code == make_error_code(Errc::conflict);
    });
    return is_taken;
  };

  EXPECT_TRUE(join());
  first.reset();
  EXPECT_FALSE(join());
}

}  // namespace
}  // namespace weft::gossip
