#pragma once
/// A generic netlink socket for the packet path: no request waits on it.

#include <cstdint>
#include <span>

#include <sys/uio.h>

#include <weft/result.hpp>
#include <weft/unique_fd.hpp>

namespace weft::odp {

/// Owns one socket. Sends and receives never block.
class NetlinkPort {
 public:
  /// Opened in the calling thread's network namespace, with room for bursts.
  [[nodiscard]] static Result<NetlinkPort> open();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Where the kernel sends to: its netlink port id.
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  /// One datagram of several messages. False when the kernel did not take it.
  [[nodiscard]] bool send(std::span<iovec> vectors) const noexcept;

 private:
  UniqueFd fd_;
  std::uint32_t id_ = 0;
};

}  // namespace weft::odp
