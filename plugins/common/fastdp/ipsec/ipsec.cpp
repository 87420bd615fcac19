/// Opens the kernel's IPsec and takes over what an earlier run left.

#include "ipsec.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace weft::ipsec {

Result<std::unique_ptr<Ipsec>> Ipsec::open(Loop& loop, std::uint16_t tunnel_port) {
  auto xfrm = Xfrm::open();
  if (!xfrm) {
    return tl::unexpected(std::move(xfrm).error());
  }
  auto firewall = Firewall::open();
  if (!firewall) {
    return tl::unexpected(std::move(firewall).error());
  }
  Leftovers leftovers;
  WEFT_TRY(leftovers, Leftovers::find(*xfrm, *firewall, tunnel_port));
  return std::unique_ptr<Ipsec>(
      new Ipsec(loop, std::move(*xfrm), std::move(*firewall), std::move(leftovers)));
}

Ipsec::Ipsec(Loop& loop, Xfrm xfrm, Firewall firewall, Leftovers leftovers)
    : loop_(loop),
      xfrm_(std::move(xfrm)),
      firewall_(std::move(firewall)),
      leftovers_(std::move(leftovers)) {
  if (!leftovers_.is_empty()) {
    forget_leftovers_ =
        loop_.after(leftover_patience, [this] { leftovers_.remove_all(xfrm_, firewall_); });
  }
}

Ipsec::~Ipsec() {
  WEFT_CHECK(links_.empty(), "every link ends before its Ipsec");
  if (!is_kept_) {
    leftovers_.remove_all(xfrm_, firewall_);
    static_cast<void>(firewall_.remove());
  }
}

Result<std::unique_ptr<Ipsec::Link>> Ipsec::link(const OverlayLink& connection,
                                                 std::uint16_t tunnel_port) {
  const auto doing = [&] {
    return fmt::format("encrypt for peer {}", to_string(connection.remote));
  };
  if (!connection.session_key) {
    return fail(Errc::invalid, doing() + ": the connection has no session key");
  }
  const net::IpAddress& local = connection.local_address.address;
  const net::IpAddress& remote = connection.remote_address.address;
  if (!local.is_v4() || !remote.is_v4()) {
    return fail(Errc::unsupported, fmt::format("{}: {} and {} are not both IPv4", doing(),
                                               to_string(local), to_string(remote)));
  }
  WEFT_TRY(firewall_.guard({local, remote, tunnel_port}));
  return std::unique_ptr<Link>(new Link(*this, connection, tunnel_port));
}

void Ipsec::allow_clear(const OverlayLink& connection, std::uint16_t tunnel_port) {
  leftovers_.remove(
      xfrm_, firewall_,
      {connection.local_address.address, connection.remote_address.address, tunnel_port});
}

Result<> Ipsec::repair() {
  WEFT_TRY(firewall_.repair());
  for (const Link* const link : links_) {
    const Direction outbound = link->outbound_direction();
    const Link* const newest = sender(outbound, nullptr);
    std::optional<Association> demanded;
    WEFT_TRY(demanded, xfrm_.policy(outbound));
    if (newest != nullptr && !demanded) {
      WEFT_TRY(xfrm_.set_policy(*newest->outbound_));
    }
  }
  return {};
}

const Ipsec::Link* Ipsec::sender(const Direction& outbound, const Link* except) const noexcept {
  const auto found = std::find_if(links_.rbegin(), links_.rend(), [&](const Link* link) {
    return link != except && link->outbound_ && link->outbound_direction() == outbound;
  });
  return found == links_.rend() ? nullptr : *found;
}

}  // namespace weft::ipsec
