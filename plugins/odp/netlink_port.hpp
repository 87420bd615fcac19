#pragma once
/// A generic netlink socket for the packet path: no request waits on it.

#include <cstdint>
#include <span>
#include <utility>

#include <sys/uio.h>

#include <weft/result.hpp>

namespace weft::odp {

/// Owns one socket. Sends and receives never block.
class NetlinkPort {
 public:
  /// Opened in the calling thread's network namespace, with room for bursts.
  [[nodiscard]] static Result<NetlinkPort> open();

  NetlinkPort(NetlinkPort&& other) noexcept : fd_(std::exchange(other.fd_, -1)), id_(other.id_) {}
  NetlinkPort& operator=(NetlinkPort&&) = delete;
  ~NetlinkPort();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// Where the kernel sends to: its netlink port id.
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  /// One datagram of several messages. False when the kernel did not take it.
  [[nodiscard]] bool send(std::span<iovec> vectors) const noexcept;

 private:
  NetlinkPort(int fd, std::uint32_t id) : fd_(fd), id_(id) {}

  int fd_;
  std::uint32_t id_;
};

}  // namespace weft::odp
