/// Opens the overlay's sockets.
#include "udp_socket.hpp"

namespace weft::sleeve {

using overlay::Fragmentation;

Result<UniqueFd> open_udp(const SocketOptions& options) {
  return overlay::open_udp(options.listen, {.fragmentation = Fragmentation::fragment,
                                            .receive_buffer_bytes = options.receive_buffer_bytes,
                                            .send_buffer_bytes = options.send_buffer_bytes,
                                            .joins_datagrams = true});
}

Result<UniqueFd> open_udp_sender(int family, std::uint16_t port, std::uint64_t send_buffer_bytes,
                                 DfClass df_class) {
  return overlay::open_udp_sender(
      family, port,
      {.fragmentation = df_class == DfClass::dont_fragment ? Fragmentation::refuse_beyond_interface
                                                           : Fragmentation::fragment,
       .receive_buffer_bytes = 0,
       .send_buffer_bytes = send_buffer_bytes,
       .joins_datagrams = false});
}

}  // namespace weft::sleeve
