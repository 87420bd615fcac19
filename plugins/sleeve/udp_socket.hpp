#pragma once
/// The overlay's UDP sockets: two of each, one for datagrams that the network may fragment.

#include <array>
#include <cstdint>

#include <weft/overlay/udp_socket.hpp>

#include "crypto.hpp"

namespace weft::sleeve {

using overlay::Destination;

/// One for each DF class.
using Sockets = std::array<UniqueFd, df_classes>;

struct SocketOptions {
  net::Endpoint listen;
  std::uint64_t receive_buffer_bytes = 0;
  std::uint64_t send_buffer_bytes = 0;
};

/// A socket that receives. The kernel believes no ICMP message that quotes a datagram of its port.
/// Over IPv6 it does: the kernel alone can fragment there, to 1280 bytes and more, and has to know
/// when.
[[nodiscard]] Result<UniqueFd> open_udp(const SocketOptions& options);

/// A socket that sends from `port`. The kernel refuses only what exceeds the interface's MTU,
/// whatever it was told of the path.
[[nodiscard]] Result<UniqueFd> open_udp_sender(int family, std::uint16_t port,
                                               std::uint64_t send_buffer_bytes, DfClass df_class);

}  // namespace weft::sleeve
