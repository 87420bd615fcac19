/// Says that it is connected, and takes frames that nobody gets.

#include <weft/service/overlay.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Hole final : public Forwarder {
 public:
  std::size_t forward(Lane&, PeerName, PeerName, std::span<const Frame> batch) noexcept override {
    return batch.size();
  }
};

class Connection final : public OverlayConnection {
 public:
  explicit Connection(std::shared_ptr<OverlayListener> listener) : listener_(std::move(listener)) {}

  void confirm() override { listener_->on_established(); }
  void on_control(std::uint8_t, ByteView) override {}
  std::shared_ptr<Forwarder> forwarder() const override { return forwarder_; }
  OverlayStatus status() const override { return {"lying", 1400, false, true}; }

 private:
  std::shared_ptr<OverlayListener> listener_;
  std::shared_ptr<Forwarder> forwarder_ = std::make_shared<Hole>();
};

class Misbehaving final : public Animal, private Overlay {
 public:
  using Animal::Animal;
  Result<> start() override { return host_.services().provide<Overlay>(*this); }

 private:
  std::string_view name() const noexcept override { return "lying"; }
  int preference() const noexcept override { return 1; }
  std::uint32_t overhead() const noexcept override { return 0; }
  Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink&, std::shared_ptr<OverlayListener> listener) override {
    return std::make_unique<Connection>(std::move(listener));
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
