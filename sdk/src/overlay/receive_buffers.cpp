/// recvmmsg into slots.

#include <weft/overlay/receive_buffers.hpp>

#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

namespace weft::overlay {

ReceiveBuffers::ReceiveBuffers(std::size_t slot_bytes)
    : stride_(frame_headroom + slot_bytes),
      memory_(std::make_unique_for_overwrite<std::byte[]>(slots * stride_)),
      arrivals_(std::make_unique<Arrivals>()) {
  for (unsigned i = 0; i < slots; ++i) {
    arrivals_->pieces[i] = {memory_.get() + i * stride_ + frame_headroom, slot_bytes};
  }
}

int ReceiveBuffers::receive(int socket, unsigned first, unsigned count) noexcept {
  for (unsigned i = first; i < first + count; ++i) {
    msghdr& header = arrivals_->messages[i].msg_hdr;
    header = {};
    header.msg_name = &arrivals_->addresses[i];
    header.msg_namelen = sizeof arrivals_->addresses[i];
    header.msg_iov = &arrivals_->pieces[i];
    header.msg_iovlen = 1;
    header.msg_control = arrivals_->controls[i].octets.data();
    header.msg_controllen = arrivals_->controls[i].octets.size();
  }
  return recvmmsg(socket, &arrivals_->messages[first], count, MSG_DONTWAIT, nullptr);
}

net::Endpoint ReceiveBuffers::from(unsigned slot) const noexcept {
  return net::from_sockaddr(reinterpret_cast<const sockaddr&>(arrivals_->addresses[slot]));
}

/// Source: Linux Documentation/networking/segmentation-offloads.rst.
std::uint32_t ReceiveBuffers::joined_bytes(unsigned slot) const noexcept {
  msghdr& header = arrivals_->messages[slot].msg_hdr;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
      int bytes = 0;
      std::memcpy(&bytes, CMSG_DATA(control), sizeof bytes);
      return static_cast<std::uint32_t>(std::max(bytes, 0));
    }
  }
  return 0;
}

}  // namespace weft::overlay
