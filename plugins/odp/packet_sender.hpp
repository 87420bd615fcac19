#pragma once
/// Frames that the kernel is asked to encapsulate and send: OVS_PACKET_CMD_EXECUTE, in batches.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <sys/uio.h>

#include <weft/bytes.hpp>

#include "flow.hpp"
#include "netlink_port.hpp"

namespace weft::odp {

using fastdp::TunnelOutput;

/// Collects frames and hands them to the kernel in one call. Used on one thread; allocates nothing
/// after construction. Frames must stay unchanged until `flush`.
class PacketSender {
 public:
  static constexpr std::size_t max_staged = 256;

  /// `port` outlives the sender.
  PacketSender(std::uint16_t packet_family, const NetlinkPort& port);
  ~PacketSender();

  /// `datapath`: see Kernel::index. False when max_staged wait already: flush first.
  [[nodiscard]] bool stage(int datapath, ByteView frame, const TunnelOutput& output) noexcept;
  /// Sends what was staged. Returns how many frames the kernel's socket refused; what it says of
  /// single frames arrives at the port as errors.
  std::size_t flush() noexcept;
  [[nodiscard]] std::size_t staged() const noexcept { return count_; }

 private:
  struct Messages;

  const std::uint16_t family_;
  const NetlinkPort& port_;
  std::unique_ptr<Messages> messages_;
  std::size_t count_ = 0;
};

}  // namespace weft::odp
