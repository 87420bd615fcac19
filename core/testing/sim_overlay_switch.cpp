/// Overlays of a simulated node: established by one message each way.

#include <weft/testing/sim_overlay_switch.hpp>

#include <algorithm>
#include <utility>

namespace weft::testing {
namespace {

constexpr std::uint8_t established_subtag = 1;
constexpr std::byte first_overlay{0};

class SimConnection final : public SwitchedConnection {
 public:
  SimConnection(bool is_encrypted, bool has_switch, Loop& loop, SwitchCallbacks callbacks)
      : is_encrypted_(is_encrypted),
        has_switch_(has_switch),
        loop_(loop),
        callbacks_(std::make_shared<SwitchCallbacks>(std::move(callbacks))) {}

  void confirm() override {
    later([has_switch = has_switch_](SwitchCallbacks& to) {
      if (has_switch) {
        to.control({first_overlay, std::byte{established_subtag}});
      } else {
        to.compat_control(established_subtag, {});
      }
    });
  }

  void on_control(ByteView body) override {
    if (body.size() >= 2 && body[0] == first_overlay) {
      on_subtag(std::to_integer<std::uint8_t>(body[1]));
    }
  }

  void on_compat_control(std::uint8_t subtag, ByteView /*body*/) override { on_subtag(subtag); }

  [[nodiscard]] OverlayStatus status() const override {
    return {.overlay = "sleeve",
            .mtu = 1376,
            .encrypted = is_encrypted_,
            .established = is_established_};
  }

 private:
  void on_subtag(std::uint8_t subtag) {
    if (subtag == established_subtag && !std::exchange(is_established_, true)) {
      later([](SwitchCallbacks& to) { to.established(); });
    }
  }

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
  const bool has_switch_;
  bool is_established_ = false;
  Loop& loop_;
  std::shared_ptr<SwitchCallbacks> callbacks_;
};

}  // namespace

Result<std::unique_ptr<SwitchedConnection>> SimOverlaySwitch::prepare(
    const OverlayLink& link, const std::optional<std::vector<std::string>>& remote_overlays,
    Loop& loop, SwitchCallbacks callbacks) {
  if (remote_overlays && std::ranges::find(*remote_overlays, "sleeve") == remote_overlays->end()) {
    return fail(Errc::unsupported, "choose an overlay: no overlays in common with peer");
  }
  return std::make_unique<SimConnection>(link.session_key.has_value(), remote_overlays.has_value(),
                                         loop, std::move(callbacks));
}

}  // namespace weft::testing
