#pragma once
/// How the overlay switch tells the dataplane what carries frames to a neighbour.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <weft/net/peer_name.hpp>
#include <weft/service/overlay.hpp>

namespace weft::dataplane {

class ForwarderSlot;

/// Any control thread.
class ForwarderDirectory {
 public:
  virtual ~ForwarderDirectory() = default;

  /// A place for one connection's forwarders. While two connections to a neighbour overlap, the
  /// younger one with forwarders carries the frames.
  [[nodiscard]] virtual ForwarderSlot open(PeerName neighbour) = 0;

 private:
  friend class ForwarderSlot;
  virtual void publish(std::uint64_t slot, std::vector<std::shared_ptr<Forwarder>> forwarders) = 0;
  virtual void close(std::uint64_t slot) noexcept = 0;
};

/// One connection's place in the directory, which must outlive it. Destroying it takes its
/// forwarders out of use; lanes may finish their poll cycle with them.
class ForwarderSlot {
 public:
  ForwarderSlot() = default;
  ForwarderSlot(ForwarderDirectory& directory, std::uint64_t id)
      : directory_(&directory), id_(id) {}
  ForwarderSlot(ForwarderSlot&& other) noexcept
      : directory_(std::exchange(other.directory_, nullptr)), id_(other.id_) {}
  ForwarderSlot& operator=(ForwarderSlot&& other) noexcept {
    std::swap(directory_, other.directory_);
    std::swap(id_, other.id_);
    return *this;
  }
  ~ForwarderSlot() {
    if (directory_ != nullptr) {
      directory_->close(id_);
    }
  }

  /// The best first, then what to try when it refuses a frame.
  void publish(std::vector<std::shared_ptr<Forwarder>> forwarders) {
    directory_->publish(id_, std::move(forwarders));
  }

 private:
  ForwarderDirectory* directory_ = nullptr;
  std::uint64_t id_ = 0;
};

}  // namespace weft::dataplane
