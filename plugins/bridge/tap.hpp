#pragma once
/// A multi-queue tap device with offloads: the router's port on the bridge.

#include <string>
#include <utility>
#include <vector>

#include <weft/result.hpp>

namespace weft::bridge {

/// Owns one queue's file descriptor.
class Queue {
 public:
  explicit Queue(int fd) noexcept : fd_(fd) {}
  Queue(Queue&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Queue& operator=(Queue&&) = delete;
  ~Queue();

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

/// The device exists as long as this object: the kernel removes it with its last queue. Frames of a
/// flow stay on one queue. Created by control code; the queues are then used on the lanes.
struct Tap {
  std::string name;
  std::vector<Queue> queues;
  std::string offloads;   ///< what the kernel leaves to us, for people: "csum tso4 tso6 uso"
  bool cuts_udp = false;  ///< the kernel, given joined UDP datagrams, can cut them apart
};

/// Creates the device, down, with virtio-net headers and non-blocking queues. It accepts as much
/// unfinished offload work as the kernel can leave. Errors: ENOENT without the tun driver, EBUSY
/// when another process holds a device of that name.
[[nodiscard]] Result<Tap> open_tap(const std::string& name, unsigned queues);

}  // namespace weft::bridge
