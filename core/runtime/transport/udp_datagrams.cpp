/// A UDP socket on a loop: what arrives, and what the path says of what was sent.

#include "runtime/transport/udp_datagrams.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <weft/unique_fd.hpp>

namespace weft {
namespace {

/// UDP carries no more.
constexpr std::size_t max_datagram_bytes = 65'536;
/// Then others on the loop have their turn.
constexpr int max_datagrams_at_once = 64;

/// Room for the one control message that we send or receive, and for the offender's address.
struct ControlBuffer {
  alignas(cmsghdr) std::array<char, 128> octets{};
};

in6_addr to_in6(const net::IpAddress& address) noexcept {
  in6_addr result{};
  if (address.is_v4()) {
    result.s6_addr[10] = 0xFF;
    result.s6_addr[11] = 0xFF;
    std::memcpy(&result.s6_addr[12], address.octets.data(), 4);
  } else {
    std::memcpy(&result, address.octets.data(), sizeof result);
  }
  return result;
}

net::IpAddress to_address(const in6_addr& address) noexcept {
  sockaddr_in6 storage{};
  storage.sin6_family = AF_INET6;
  storage.sin6_addr = address;
  return net::from_sockaddr(reinterpret_cast<const sockaddr&>(storage)).address;
}

net::IpAddress to_address(const in_addr& address) noexcept {
  return net::IpAddress::v4(ntohl(address.s_addr));
}

/// The content of the first control message of this level and type; whether there is one.
template <class Content>
bool read_control(msghdr& message, int level, int type, Content& content) noexcept {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level == level && each->cmsg_type == type &&
        each->cmsg_len >= CMSG_LEN(sizeof content)) {
      std::memcpy(&content, CMSG_DATA(each), sizeof content);
      return true;
    }
  }
  return false;
}

template <class Content>
void write_control(msghdr& message, ControlBuffer& control, int level, int type,
                   const Content& content) noexcept {
  message.msg_control = control.octets.data();
  message.msg_controllen = CMSG_SPACE(sizeof content);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof content);
  std::memcpy(CMSG_DATA(header), &content, sizeof content);
}

/// The socket. Shared with the handler that may be running: a callback may destroy its owner.
class Socket : public std::enable_shared_from_this<Socket> {
 public:
  explicit Socket(Datagrams::Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  [[nodiscard]] Result<> open(Loop& loop, const net::Endpoint& at) {
    auto opened = open_at(at);
    const bool lacks_ipv6 = !opened && !at.address.is_v4() && at.address.is_unspecified() &&
                            (opened.error().code == std::errc::address_family_not_supported ||
                             opened.error().code == std::errc::address_not_available);
    if (lacks_ipv6) {
      opened = open_at({net::IpAddress::v4(0), at.port});
    }
    WEFT_TRY(opened);
    WEFT_TRY(watch_, loop.watch(fd_.get(), {.readable = true},
                                [self = shared_from_this()](FdEvents) { self->receive(); }));
    return {};
  }

  void close() noexcept {
    is_closed_ = true;
    watch_.cancel();
    fd_.reset();
  }

  [[nodiscard]] Result<> send(const net::Endpoint& to, ByteView octets,
                              const net::IpAddress& from) {
    sockaddr_storage storage{};
    iovec part{const_cast<std::byte*>(octets.data()), octets.size()};
    ControlBuffer control;
    msghdr message{};
    message.msg_name = &storage;
    message.msg_namelen = address_of(to, storage);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!from.is_unspecified() && is_v6_) {
      write_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, in6_pktinfo{to_in6(from), 0});
    } else if (!from.is_unspecified()) {
      in_pktinfo source{};
      std::memcpy(&source.ipi_spec_dst, from.octets.data(), 4);
      write_control(message, control, IPPROTO_IP, IP_PKTINFO, source);
    }
    // What the path said of an earlier datagram makes one call fail that has nothing to do with it.
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) >= 0) {
        return {};
      }
    }
    return fail(errno, "send to UDP " + to_string(to));
  }

  [[nodiscard]] const net::Endpoint& local() const noexcept { return local_; }

 private:
  [[nodiscard]] Result<> open_at(const net::Endpoint& at) {
    const std::string attempt = "bind UDP " + to_string(at);
    is_v6_ = !at.address.is_v4();
    fd_ = UniqueFd(::socket(is_v6_ ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                            IPPROTO_UDP));
    if (!fd_) {
      return fail(errno, attempt);
    }
    bool is_set = set(IPPROTO_IP, IP_PKTINFO, 1);
    if (is_v6_) {
      is_set = set(IPPROTO_IPV6, IPV6_V6ONLY, at.address.is_unspecified() ? 0 : 1) &&
               set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    }
    if (callbacks_.on_error) {
      is_set = is_set && set(IPPROTO_IP, IP_RECVERR, 1) &&
               (!is_v6_ || set(IPPROTO_IPV6, IPV6_RECVERR, 1));
    }
    sockaddr_storage storage{};
    socklen_t length = net::to_sockaddr(at, storage);
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    if (!is_set || ::bind(fd_.get(), address, length) != 0) {
      return fail(errno, attempt);
    }
    length = sizeof storage;
    ::getsockname(fd_.get(), address, &length);
    local_ = {at.address, net::from_sockaddr(*address).port};
    return {};
  }

  [[nodiscard]] bool set(int level, int option, int value) const noexcept {
    return ::setsockopt(fd_.get(), level, option, &value, sizeof value) == 0;
  }

  /// A socket of both families has IPv4 addresses mapped.
  [[nodiscard]] socklen_t address_of(const net::Endpoint& to,
                                     sockaddr_storage& storage) const noexcept {
    if (!is_v6_ || !to.address.is_v4()) {
      return net::to_sockaddr(to, storage);
    }
    sockaddr_in6 mapped{};
    mapped.sin6_family = AF_INET6;
    mapped.sin6_port = htons(to.port);
    mapped.sin6_addr = to_in6(to.address);
    std::memcpy(&storage, &mapped, sizeof mapped);
    return sizeof mapped;
  }

  void receive() {
    for (int taken = 0; taken < max_datagrams_at_once && !is_closed_; ++taken) {
      if (callbacks_.on_error && receive_error()) {
        continue;
      }
      if (is_closed_ || !receive_datagram()) {
        return;
      }
    }
  }

  /// Whether there was one. The error that an earlier send left, if any, is dropped: the queue of
  /// errors says which datagram it was about.
  bool receive_datagram() {
    sockaddr_storage from{};
    ControlBuffer control;
    msghdr message = make_message(from, control);
    const ssize_t got = ::recvmsg(fd_.get(), &message, 0);
    if (got < 0) {
      return errno != EAGAIN;
    }
    in6_pktinfo to_v6{};
    in_pktinfo to_v4{};
    net::IpAddress to = local_.address;
    if (read_control(message, IPPROTO_IPV6, IPV6_PKTINFO, to_v6)) {
      to = to_address(to_v6.ipi6_addr);
    } else if (read_control(message, IPPROTO_IP, IP_PKTINFO, to_v4)) {
      to = to_address(to_v4.ipi_addr);
    }
    callbacks_.on_datagram({net::from_sockaddr(reinterpret_cast<const sockaddr&>(from)), to,
                            ByteView(buffer_).first(static_cast<std::size_t>(got))});
    return true;
  }

  /// Whether there was one.
  bool receive_error() {
    sockaddr_storage to{};
    ControlBuffer control;
    msghdr message = make_message(to, control);
    if (::recvmsg(fd_.get(), &message, MSG_ERRQUEUE) < 0) {
      return false;
    }
    sock_extended_err error{};
    if (read_control(message, IPPROTO_IP, IP_RECVERR, error) ||
        read_control(message, IPPROTO_IPV6, IPV6_RECVERR, error)) {
      const auto remote = net::from_sockaddr(reinterpret_cast<const sockaddr&>(to));
      callbacks_.on_error(remote, Error{{static_cast<int>(error.ee_errno), std::generic_category()},
                                        "reach UDP " + to_string(remote)});
    }
    return true;
  }

  [[nodiscard]] msghdr make_message(sockaddr_storage& name, ControlBuffer& control) noexcept {
    part_ = {buffer_.data(), buffer_.size()};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_iov = &part_;
    message.msg_iovlen = 1;
    message.msg_control = control.octets.data();
    message.msg_controllen = control.octets.size();
    return message;
  }

  Datagrams::Callbacks callbacks_;
  UniqueFd fd_;
  bool is_v6_ = false;
  bool is_closed_ = false;
  net::Endpoint local_;
  Bytes buffer_ = Bytes(max_datagram_bytes);
  iovec part_{};
  FdWatch watch_;
};

class UdpDatagrams final : public Datagrams {
 public:
  explicit UdpDatagrams(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~UdpDatagrams() override { socket_->close(); }

  [[nodiscard]] Result<> send(const net::Endpoint& to, ByteView octets,
                              const net::IpAddress& from) override {
    return socket_->send(to, octets, from);
  }
  [[nodiscard]] net::Endpoint local() const noexcept override { return socket_->local(); }

 private:
  std::shared_ptr<Socket> socket_;
};

}  // namespace

Result<std::unique_ptr<Datagrams>> bind_udp_datagrams(Loop& loop, const net::Endpoint& at,
                                                      Datagrams::Callbacks callbacks) {
  auto socket = std::make_shared<Socket>(std::move(callbacks));
  WEFT_TRY(socket->open(loop, at));
  return std::make_unique<UdpDatagrams>(std::move(socket));
}

}  // namespace weft
