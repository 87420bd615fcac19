/// Heartbeats and tests, one frame per datagram.
#include "special_sender.hpp"

#include <algorithm>
#include <utility>

#include "datagram.hpp"

namespace weft::sleeve {

SpecialSender::SpecialSender(PeerName self, Counters& counters, int family, Sockets sockets)
    : self_(self),
      counters_(counters),
      sockets_(std::move(sockets)),
      family_(family),
      buffer_(sealed_header_bytes + record_header_bytes + max_datagram_bytes) {}

std::span<std::byte> SpecialSender::frame(const Peer& peer, std::size_t bytes) {
  return std::span(buffer_).subspan(packet_header_bytes(peer.is_encrypted()) + record_header_bytes,
                                    bytes);
}

int SpecialSender::send_heartbeat(const Peer& peer, const Destination& to, std::uint64_t uid) {
  write_heartbeat(frame(peer, heartbeat_frame_bytes), uid);
  return send(peer, to, DfClass::dont_fragment, heartbeat_frame_bytes);
}

int SpecialSender::send_zeros(const Peer& peer, const Destination& to, DfClass df_class,
                              std::size_t frame_bytes) {
  const auto zeros = frame(peer, frame_bytes);
  std::fill(zeros.begin(), zeros.end(), std::byte{0});
  return send(peer, to, df_class, frame_bytes);
}

int SpecialSender::send(const Peer& peer, const Destination& to, DfClass df_class,
                        std::size_t frame_bytes) {
  const std::size_t header = packet_header_bytes(peer.is_encrypted());
  const std::span<std::byte> packet =
      std::span(buffer_).first(header + record_header_bytes + frame_bytes);
  write_record_header(packet.data() + header, self_, peer.name, frame_bytes);
  if (peer.is_encrypted()) {
    peer.sealer->seal(df_class, packet);
  } else {
    store_peer_name(packet.data(), self_);
  }
  const UniqueFd& socket = sockets_[static_cast<std::size_t>(df_class)];
  if (const int error = overlay::send_datagram(socket, to, packet); error != 0) {
    return error;
  }
  counters_.datagrams_out.add();
  counters_.bytes_out.add(packet.size());
  return 0;
}

}  // namespace weft::sleeve
