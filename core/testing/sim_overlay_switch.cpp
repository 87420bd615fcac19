/// Overlays of a simulated node: established by one message each way.

#include <weft/testing/sim_overlay_switch.hpp>

#include <algorithm>
#include <utility>

namespace weft::testing {
namespace {

constexpr std::uint8_t established_subtag = 1;
constexpr std::uint8_t first_place = 0;

class SimConnection final : public SwitchedConnection {
 public:
  SimConnection(bool is_encrypted, Loop& loop, SwitchCallbacks callbacks)
      : is_encrypted_(is_encrypted),
        loop_(loop),
        callbacks_(std::make_shared<SwitchCallbacks>(std::move(callbacks))) {}

  void confirm() override {
    later([](SwitchCallbacks& to) { to.control(first_place, established_subtag, {}); });
  }

  void on_control(std::uint8_t place, std::uint8_t subtag, ByteView /*body*/) override {
    if (place == first_place && subtag == established_subtag &&
        !std::exchange(is_established_, true)) {
      later([](SwitchCallbacks& to) { to.established(); });
    }
  }

  [[nodiscard]] OverlayStatus status() const override {
    return {.overlay = "sleeve",
            .mtu = 1376,
            .encrypted = is_encrypted_,
            .established = is_established_};
  }

 private:
  /// Calls back as the real switch does: later, and never after destruction.
  template <class F>
  void later(F call) {
    loop_.post([callbacks = std::weak_ptr(callbacks_), call = std::move(call)] {
      if (const auto alive = callbacks.lock()) {
        call(*alive);
      }
    });
  }

  const bool is_encrypted_;
  bool is_established_ = false;
  Loop& loop_;
  std::shared_ptr<SwitchCallbacks> callbacks_;
};

}  // namespace

Result<std::unique_ptr<SwitchedConnection>> SimOverlaySwitch::prepare(
    const OverlayLink& link, const std::vector<std::string>& remote_overlays, Loop& loop,
    SwitchCallbacks callbacks) {
  if (std::ranges::find(remote_overlays, "sleeve") == remote_overlays.end()) {
    return fail(Errc::unsupported, "choose an overlay: no overlays in common with peer");
  }
  return std::make_unique<SimConnection>(link.session_key.has_value(), loop, std::move(callbacks));
}

}  // namespace weft::testing
