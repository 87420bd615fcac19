/// The overlay switch with overlays whose every move a test makes.

#include "fabric/overlay_switch.hpp"

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

class NamedForwarder final : public Forwarder {
 public:
  explicit NamedForwarder(std::string_view overlay) : name(overlay) {}
  std::size_t forward(Lane& /*lane*/, PeerName /*source*/, PeerName /*destination*/,
                      std::span<const Frame> batch) noexcept override {
    return batch.size();
  }

  std::string name;
};

class FakeOverlay final : public Overlay {
 public:
  FakeOverlay(std::string name, int preference) : name_(std::move(name)), preference_(preference) {}

  std::string_view name() const noexcept override { return name_; }
  int preference() const noexcept override { return preference_; }
  std::uint32_t overhead() const noexcept override { return 0; }
  Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink& /*link*/, std::shared_ptr<OverlayListener> told) override {
    if (is_broken) {
      return fail(Errc::unsupported, "prepare");
    }
    listener = std::move(told);
    ++open;
    return std::make_unique<Part>(*this);
  }

  bool is_broken = false;
  int open = 0;
  int confirmed = 0;
  std::shared_ptr<OverlayListener> listener;
  std::vector<std::pair<std::uint8_t, Bytes>> control;

 private:
  struct Part final : OverlayConnection {
    explicit Part(FakeOverlay& overlay) : owner(overlay) {}
    ~Part() override { --owner.open; }
    void confirm() override { ++owner.confirmed; }
    void on_control(std::uint8_t subtag, ByteView body) override {
      owner.control.emplace_back(subtag, Bytes(body.begin(), body.end()));
    }
    std::shared_ptr<Forwarder> forwarder() const override { return way; }
    OverlayStatus status() const override { return {.overlay = owner.name_, .mtu = 1410}; }

    FakeOverlay& owner;
    std::shared_ptr<Forwarder> way = std::make_shared<NamedForwarder>(owner.name_);
  };

  std::string name_;
  int preference_;
};

class FakeServices final : public Services {
 public:
  std::vector<Overlay*> overlays;

  void remove(Overlay& overlay, ServiceHold hold) {
    std::erase(overlays, &overlay);
    on_change_(overlays.empty() ? nullptr : overlays.front(), std::move(hold));
  }

 private:
  Result<Following> follow_erased(std::string_view, ChangeHandler on_change) override {
    on_change_ = std::move(on_change);
    return Following{};
  }
  Result<void*> find_one(std::string_view) override { return fail(Errc::not_found, "find"); }
  std::vector<void*> find_all(std::string_view) override {
    return {overlays.begin(), overlays.end()};
  }
  Result<> register_provider(std::string_view, void*) override { return {}; }

  ChangeHandler on_change_;
};

/// The names of the forwarders in use, in order.
class RecordingDirectory final : public dataplane::ForwarderDirectory {
 public:
  dataplane::ForwarderSlot open(PeerName /*neighbour*/) override { return {*this, 1}; }
  void publish(std::uint64_t /*slot*/,
               std::vector<std::shared_ptr<Forwarder>> forwarders) override {
    names.clear();
    for (const auto& forwarder : forwarders) {
      names.push_back(static_cast<const NamedForwarder&>(*forwarder).name);
    }
  }
  void close(std::uint64_t /*slot*/) noexcept override { names.clear(); }

  Names names;
};

Bytes octets(std::initializer_list<unsigned> values) {
  Bytes result;
  for (const unsigned value : values) {
    result.push_back(static_cast<std::byte>(value));
  }
  return result;
}

/// A control message for the remote.
struct Sent {
  unsigned place = 0;
  unsigned subtag = 0;
  Bytes body;
  bool operator==(const Sent&) const = default;
};

class OverlaySwitchTest : public ::testing::Test {
 protected:
  OverlaySwitchTest() { services_.overlays = {&sleeve_, &fastdp_}; }

  void connect(const Names& remote = {"fastdp", "sleeve"}) {
    auto prepared = try_connect(remote);
    ASSERT_TRUE(prepared) << prepared.error().message();
    connection_ = *std::move(prepared);
    connection_->confirm();
    settle();
  }
  Result<std::unique_ptr<SwitchedConnection>> try_connect(const Names& remote) {
    SwitchCallbacks callbacks;
    callbacks.established = [this] { ++established_; };
    callbacks.failed = [this](const Error& reason) {
      failures_.push_back(reason.context);
      if (ends_when_failed_) {
        connection_.reset();
      }
    };
    callbacks.control = [this](std::uint8_t place, std::uint8_t subtag, Bytes body) {
      sent_.push_back({place, subtag, std::move(body)});
    };
    return switch_.prepare({.local = PeerName{1},
                            .remote = PeerName{2},
                            .local_address = {},
                            .remote_address = {},
                            .session_key = {}},
                           remote, host_.loop(), std::move(callbacks));
  }
  void settle() { world_.run_for(1ms); }
  std::uint64_t malformed() {
    return host_.metrics().counter("weft_overlay_switch_malformed_total", "", {}).value();
  }

  testing::SimWorld world_;
  testing::FakeHost host_{world_};
  FakeServices services_;
  FakeOverlay fastdp_{"fastdp", 100};
  FakeOverlay sleeve_{"sleeve", 10};
  RecordingDirectory directory_;
  OverlaySwitchImpl switch_{services_, directory_, host_.as_host().log(), host_.metrics()};
  std::unique_ptr<SwitchedConnection> connection_;
  int established_ = 0;
  bool ends_when_failed_ = false;
  std::vector<std::string> failures_;
  std::vector<Sent> sent_;
};

TEST_F(OverlaySwitchTest, AdvertisesOverlaysInOrderOfPreference) {
  EXPECT_EQ(switch_.overlays(), (Names{"fastdp", "sleeve"}));
}

TEST_F(OverlaySwitchTest, StartsWhatBothPeersHave) {
  connect(Names{"sleeve", "unheard-of"});

  EXPECT_EQ(sleeve_.confirmed, 1);
  EXPECT_EQ(fastdp_.open, 0);
  EXPECT_EQ(directory_.names, Names{"sleeve"});
}

TEST_F(OverlaySwitchTest, RefusesAPeerWithNothingInCommon) {
  const auto prepared = try_connect(Names{"awsvpc"});

  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().context.find("no overlays in common with peer"), std::string::npos);
}

TEST_F(OverlaySwitchTest, UsesNothingBeforeTheConnectionIsConfirmed) {
  connection_ = try_connect(Names{"sleeve"}).value();
  settle();

  EXPECT_TRUE(directory_.names.empty());
  EXPECT_EQ(connection_->status().overlay, "none");
}

TEST_F(OverlaySwitchTest, PrefersTheEstablishedAndReturnsToTheBest) {
  connect();
  EXPECT_EQ(directory_.names, (Names{"fastdp", "sleeve"})) << "none established: in order";

  sleeve_.listener->on_established();
  settle();
  EXPECT_EQ(directory_.names, Names{"sleeve"});
  EXPECT_EQ(connection_->status().overlay, "sleeve");
  EXPECT_TRUE(connection_->status().established);

  fastdp_.listener->on_established();
  settle();
  EXPECT_EQ(directory_.names, (Names{"fastdp", "sleeve"}));
  EXPECT_EQ(established_, 1);
}

TEST_F(OverlaySwitchTest, HoldsAnUnhealthyOverlayAndReleasesIt) {
  connect();
  fastdp_.listener->on_established();
  sleeve_.listener->on_established();
  settle();

  fastdp_.listener->on_health(false);
  settle();
  EXPECT_EQ(directory_.names, Names{"sleeve"});

  fastdp_.listener->on_health(true);
  settle();
  EXPECT_EQ(directory_.names, (Names{"fastdp", "sleeve"}));
}

TEST_F(OverlaySwitchTest, FailsOnceWhenNothingWorksAnyMore) {
  connect();
  sleeve_.listener->on_failed({make_error_code(Errc::timeout), "hear sleeve"});
  settle();
  EXPECT_TRUE(failures_.empty());
  EXPECT_EQ(sleeve_.open, 0);

  fastdp_.listener->on_health(false);
  fastdp_.listener->on_failed({make_error_code(Errc::timeout), "hear fastdp"});
  settle();

  ASSERT_EQ(failures_.size(), 1u);
  EXPECT_NE(failures_[0].find("no working forwarders"), std::string::npos);
  EXPECT_TRUE(directory_.names.empty());
  EXPECT_EQ(connection_->status().overlay, "none");
}

TEST_F(OverlaySwitchTest, MayBeDestroyedWhileItReportsItsFailure) {
  ends_when_failed_ = true;
  connect(Names{"sleeve"});

  sleeve_.listener->on_failed({make_error_code(Errc::timeout), "hear sleeve"});
  settle();

  EXPECT_EQ(failures_.size(), 1u);
  EXPECT_EQ(connection_, nullptr);
}

TEST_F(OverlaySwitchTest, CallsNobodyBackAfterItsEnd) {
  connect();
  sleeve_.listener->on_established();  // on its way
  connection_.reset();
  settle();
  fastdp_.listener->on_failed({make_error_code(Errc::timeout), "hear fastdp"});
  settle();

  EXPECT_EQ(established_, 0);
  EXPECT_TRUE(failures_.empty());
  EXPECT_EQ(fastdp_.open + sleeve_.open, 0);
}

TEST_F(OverlaySwitchTest, ControlMessagesNameTheOverlaysPlace) {
  connect();

  sleeve_.listener->send_control(3, octets({0x05, 0x82}));
  fastdp_.listener->send_control(0, {});
  settle();
  connection_->on_control(1, 2, {});
  connection_->on_control(0, 1, octets({9}));

  EXPECT_EQ(sent_, (std::vector<Sent>{{1, 3, octets({0x05, 0x82})}, {0, 0, {}}}));
  ASSERT_EQ(sleeve_.control.size(), 1u);
  EXPECT_EQ(sleeve_.control[0].first, 2);
  ASSERT_EQ(fastdp_.control.size(), 1u);
  EXPECT_EQ(fastdp_.control[0].second, octets({9}));
}

TEST_F(OverlaySwitchTest, AnOverlayThatCannotStartKeepsItsPlace) {
  fastdp_.is_broken = true;
  connect();

  sleeve_.listener->send_control(1, {});
  settle();
  connection_->on_control(0, 1, {});
  connection_->on_control(1, 1, {});

  EXPECT_EQ(sent_, (std::vector<Sent>{{1, 1, {}}}));
  EXPECT_EQ(sleeve_.control.size(), 1u);
  EXPECT_EQ(directory_.names, Names{"sleeve"});
}

TEST_F(OverlaySwitchTest, FailsToPrepareWhenNoOverlayCanStart) {
  fastdp_.is_broken = true;
  sleeve_.is_broken = true;

  EXPECT_FALSE(try_connect(Names{"fastdp", "sleeve"}));
}

TEST_F(OverlaySwitchTest, CountsControlMessagesForPlacesThatNoOverlayHas) {
  connect();

  connection_->on_control(2, 1, {});
  connection_->on_control(255, 255, octets({255}));

  EXPECT_EQ(malformed(), 2u);
  EXPECT_TRUE(sleeve_.control.empty());
  EXPECT_TRUE(fastdp_.control.empty());
}

TEST_F(OverlaySwitchTest, GoesOnWithTheOthersWhenAnOverlayStops) {
  connect();
  sleeve_.listener->on_established();
  fastdp_.listener->on_established();
  settle();
  auto hold = std::make_shared<int>();
  const std::weak_ptr<void> watch = hold;

  services_.remove(fastdp_, std::exchange(hold, nullptr));
  EXPECT_FALSE(watch.expired()) << "the overlay is still in use";
  settle();

  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(fastdp_.open, 0);
  EXPECT_EQ(directory_.names, Names{"sleeve"});
  EXPECT_TRUE(failures_.empty());
}

TEST_F(OverlaySwitchTest, FailsTheConnectionWhenItsLastOverlayStops) {
  ends_when_failed_ = true;
  connect(Names{"sleeve"});

  services_.remove(sleeve_, std::make_shared<int>());
  settle();

  EXPECT_EQ(failures_.size(), 1u);
  EXPECT_EQ(sleeve_.open, 0);
}

}  // namespace
}  // namespace weft
