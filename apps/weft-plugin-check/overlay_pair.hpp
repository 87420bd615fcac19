#pragma once
/// Two nodes with the overlay under test, each in a network of its own, and a wire between them.

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/service/dataplane.hpp>
#include <weft/service/overlay.hpp>

#include "network.hpp"
#include "stage.hpp"

namespace weft::conformance {

/// Counts what the overlay delivers. On lanes: remembers which frames came whole, by number.
class DeliveryPort final : public BridgePort {
 public:
  static constexpr std::size_t max_frames = 4096;

  [[nodiscard]] std::size_t inject(Lane& lane, std::span<const Frame> batch) noexcept override;
  /// Any thread.
  [[nodiscard]] bool has_arrived(std::uint32_t number) const noexcept {
    return arrived_.at(number % max_frames).load(std::memory_order_acquire);
  }

 private:
  std::array<std::atomic<bool>, max_frames> arrived_{};
};

/// Keeps what an overlay tells. Any thread.
class PairListener final : public OverlayListener {
 public:
  void on_established() override;
  void on_failed(Error reason) override;
  void on_health(bool is_healthy) override;
  void send_control(std::uint8_t subtag, Bytes body) override;

  [[nodiscard]] bool is_established() const noexcept { return established_; }
  /// The connection failed or reported that nothing passes.
  [[nodiscard]] bool is_down() const noexcept { return down_; }
  [[nodiscard]] std::vector<std::pair<std::uint8_t, Bytes>> take_controls();

 private:
  std::atomic<bool> established_{false};
  std::atomic<bool> down_{false};
  std::mutex mutex_;
  std::vector<std::pair<std::uint8_t, Bytes>> controls_;
};

/// Main thread of a process that does nothing else.
class OverlayPair {
 public:
  /// Agreed timers of the link.
  static constexpr std::chrono::milliseconds heartbeat{200};
  static constexpr std::chrono::milliseconds timeout{1000};
  /// The interface at each end of the wire between the sides.
  static constexpr const char* wire = "wire";

  struct Side {
    TemporaryDirectory directory;
    std::optional<Network> network;
    std::string address;
    PeerName name{};
    std::unique_ptr<host::Trial> trial;
    Overlay* overlay = nullptr;
    std::shared_ptr<DeliveryPort> port = std::make_shared<DeliveryPort>();
    std::shared_ptr<PairListener> listener;
    std::unique_ptr<OverlayConnection> connection;
  };

  /// Two started nodes. Errors: as start_trial.
  [[nodiscard]] static tl::expected<std::unique_ptr<OverlayPair>, Outcome> make(
      const Subject& subject);
  ~OverlayPair();

  /// Connects the overlays anew. Errors: what `prepare` answers; Errc::timeout, naming the side
  /// that never said that it is established.
  [[nodiscard]] Result<> connect(std::optional<SessionKey> key);
  void disconnect();
  /// Sends a frame of `bytes` from one side's lane. Returns its number, or nothing when refused.
  [[nodiscard]] std::optional<std::uint32_t> send(Side& from, Side& to, std::size_t bytes);
  /// Sends such frames until one arrives whole, for at most five seconds.
  [[nodiscard]] bool deliver(Side& from, Side& to, std::size_t bytes);
  /// Carries control messages until `is_done`, for at most `patience`.
  [[nodiscard]] bool wait(const std::function<bool()>& is_done, Duration patience);
  /// The wire between the sides.
  [[nodiscard]] Result<> set_wire(bool is_up);

  Side a;
  Side b;

 private:
  OverlayPair() = default;
  void carry_controls();

  std::uint64_t last_uid_ = 0;
  std::uint32_t last_number_ = 0;
};

/// A frame as `OverlayPair::send` makes it begins with this after its Ethernet header.
inline constexpr std::string_view frame_marker = "weft-conformance";

}  // namespace weft::conformance
