#pragma once
/// What routers say of datagrams that are too big for a link: ICMP "fragmentation needed" and
/// ICMPv6 "packet too big". Anybody can forge them, so they only have the path tested.

#include <cstdint>
#include <functional>
#include <optional>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>

#include <weft/unique_fd.hpp>

namespace weft::overlay {

struct TooBigReport {
  net::Endpoint destination;   ///< of the datagram that is said to be too big
  std::uint32_t path_mtu = 0;  ///< as the report says, bytes of IP packet; 0: it does not

  bool operator==(const TooBigReport&) const = default;
};

/// Reads an ICMP message, from its type on, that quotes a UDP datagram sent from `port` without IP
/// options. Empty for anything else. Source: RFC 792, RFC 1191 section 4, RFC 4443 section 3.2.
[[nodiscard]] std::optional<TooBigReport> parse_too_big_report(net::Family family, ByteView message,
                                                               std::uint16_t port) noexcept;

/// A raw socket of one family. The kernel drops, before it wakes anybody, whatever is no report
/// about `port`. Movable; used on one thread.
class TooBigSocket {
 public:
  /// In the network namespace of the calling thread. Errors: the kernel's: EPERM without
  /// CAP_NET_RAW, EAFNOSUPPORT without the family.
  [[nodiscard]] static Result<TooBigSocket> open(net::Family family, std::uint16_t port);

  /// Hands at most `max_reports` of the pending reports to `handler`; never waits.
  void receive(const std::function<void(const TooBigReport&)>& handler) const;

  /// For waiting until readable.
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  static constexpr unsigned max_reports = 16;

 private:
  TooBigSocket(net::Family family, std::uint16_t port, UniqueFd socket)
      : family_(family), port_(port), socket_(std::move(socket)) {}

  net::Family family_;
  std::uint16_t port_;
  UniqueFd socket_;
};

}  // namespace weft::overlay
