/// Asks rtnetlink twice: for the route that packets take, and for the route as it was configured.

#include <weft/overlay/route_mtu.hpp>

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include <weft/netlink/link.hpp>
#include <weft/netlink/message.hpp>
#include <weft/netlink/socket.hpp>

namespace weft::overlay {
namespace {

struct Answer {
  int link = 0;
  std::uint32_t mtu = 0;  ///< 0: the route says nothing of it
};

Answer parse_answer(const nlmsghdr& message) {
  Answer answer;
  nl::AttributeReader attributes{message, sizeof(rtmsg)};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == RTA_OIF) {
      answer.link = attribute->number<int>().value_or(0);
    } else if (attribute->type == RTA_METRICS) {
      nl::AttributeReader metrics{attribute->value};
      while (const auto metric = metrics.next()) {
        if (metric->type == RTAX_MTU) {
          answer.mtu = metric->number<std::uint32_t>().value_or(0);
        }
      }
    }
  }
  return answer;
}

Result<Answer> ask(nl::Socket& socket, const net::IpAddress& to,
                   const std::optional<net::IpAddress>& from, unsigned flags) {
  nl::Message message{RTM_GETROUTE, 0};
  auto& header = message.extra_header<rtmsg>();
  header.rtm_family = to.is_v4() ? AF_INET : AF_INET6;
  header.rtm_dst_len = static_cast<unsigned char>(to.width());
  header.rtm_flags = flags;
  message.put(RTA_DST, to.bytes());
  if (from && !from->is_unspecified() && from->family == to.family) {
    header.rtm_src_len = static_cast<unsigned char>(from->width());
    message.put(RTA_SRC, from->bytes());
  }
  Answer answer;
  WEFT_TRY(socket.query(
      message, [&](const nlmsghdr& each) { answer = parse_answer(each); },
      fmt::format("find a route to {}", net::to_string(to))));
  return answer;
}

}  // namespace

Result<RouteMtu> query_route_mtu(const net::IpAddress& to,
                                 const std::optional<net::IpAddress>& from) {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  Answer taken;
  WEFT_TRY(taken, ask(*socket, to, from, 0));
  Answer configured;
  WEFT_TRY(configured, ask(*socket, to, from, RTM_F_FIB_MATCH));
  std::optional<nl::Link> link;
  WEFT_TRY(link, nl::find_link(*socket, taken.link));
  if (!link) {
    return fail(ENODEV, fmt::format("find the interface towards {}", net::to_string(to)));
  }
  const std::uint32_t limit = configured.mtu != 0 ? std::min(configured.mtu, link->mtu) : link->mtu;
  return RouteMtu{limit, taken.mtu != 0 ? std::min(taken.mtu, limit) : limit};
}

// Source: Linux net/ipv4/route.c, ipv4_sysctl_rtcache_flush.
Result<> forget_reported_mtus() {
  constexpr const char* path = "/proc/sys/net/ipv4/route/flush";
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  const bool is_written = file >= 0 && ::write(file, "1", 1) == 1;
  const int error = errno;
  if (file >= 0) {
    ::close(file);
  }
  return is_written ? Result<>{} : fail(error, fmt::format("write {}", path));
}

}  // namespace weft::overlay
