/// Finds and makes the interfaces that stand in for tunnel ports.

#include "tunnel_device.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace weft::odp {
namespace {

std::string describe(const nl::Link& link) {
  if (!link.vxlan) {
    return fmt::format("the interface '{}' ({})", link.name,
                       link.kind.empty() ? "hardware" : link.kind);
  }
  return fmt::format("the interface '{}' (VXLAN, UDP {}{}{}{})", link.name, link.vxlan->udp_port,
                     link.vxlan->is_external ? "" : ", not external",
                     link.vxlan->is_learning ? ", learning" : "",
                     link.master != 0 ? ", a port of another interface" : "");
}

Error in_the_way(std::uint16_t udp_port, const nl::Link& link) {
  return {make_error_code(Errc::conflict),
          fmt::format("make the tunnels' interface '{}': {} is in the way; delete it with "
                      "'ip link delete {}', or set another port in host.listen",
                      tunnel_name(udp_port), describe(link), link.name)};
}

}  // namespace

std::string tunnel_name(std::uint16_t udp_port) {
  return fmt::format("vxlan-{}", udp_port);
}

bool is_tunnel_device(const nl::Link& link) {
  return link.vxlan && link.vxlan->is_external && !link.vxlan->is_learning &&
         link.name == tunnel_name(link.vxlan->udp_port);
}

Result<TunnelDevice> ensure_tunnel_device(nl::Socket& routes, std::uint16_t udp_port) {
  const std::string name = tunnel_name(udp_port);
  std::optional<nl::Link> found;
  WEFT_TRY(found, nl::find_link(routes, name));
  if (found && is_tunnel_device(*found) && found->master == 0) {
    WEFT_TRY(nl::change_link(routes, found->index, {.mtu = UINT16_MAX, .up = true}));
    return TunnelDevice{.index = found->index};
  }
  if (found) {
    return tl::unexpected(in_the_way(udp_port, *found));
  }
  if (auto made = nl::create_external_vxlan(routes, name, udp_port); !made) {
    if (made.error().code == std::errc::operation_not_supported) {
      return fail(Errc::unsupported,
                  "use the fast datapath: this kernel has no VXLAN; load the module 'vxlan' on the "
                  "host, or take 'odp' out of the list of plugins");
    }
    return tl::unexpected(explain_refusal(routes, udp_port, std::move(made).error()));
  }
  nl::Link link;
  WEFT_TRY(link, nl::require_link(routes, name));
  return TunnelDevice{.index = link.index, .is_new = true};
}

Error explain_refusal(nl::Socket& routes, std::uint16_t udp_port, Error refusal) {
  if (refusal.code != std::errc::file_exists && refusal.code != std::errc::address_in_use) {
    return refusal;
  }
  const auto links = nl::list_links(routes);
  if (!links) {
    return refusal;
  }
  const auto rival = std::ranges::find_if(*links, [udp_port](const nl::Link& link) {
    return link.vxlan && link.vxlan->udp_port == udp_port;
  });
  if (rival != links->end()) {
    return in_the_way(udp_port, *rival);
  }
  refusal.context += fmt::format(": another program has UDP {}; 'ss -ulnp' shows it", udp_port);
  return refusal;
}

}  // namespace weft::odp
