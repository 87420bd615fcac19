#pragma once
/// A netlink socket: requests that the kernel answers inside send, and notifications.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/function.hpp>
#include <weft/netlink/batch.hpp>
#include <weft/netlink/message.hpp>
#include <weft/result.hpp>

namespace weft::nl {

using MessageHandler = UniqueFunction<void(const nlmsghdr&)>;

/// Owns one socket, bound to the network namespace of the thread that opened it. Movable; used by
/// one thread at a time. Requests are synchronous: the kernel does the work inside send, so control
/// code may call them directly. Use separate sockets for requests and for notifications.
class Socket {
 public:
  /// The errors of all of them fit a socket's receive buffer.
  static constexpr std::size_t requests_at_once = 64;

  /// `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC, ... Errors: the kernel's.
  [[nodiscard]] static Result<Socket> open(int protocol);

  /// Sends a request and waits for its acknowledgement. `doing` completes "cannot ..." and the
  /// kernel's own explanation, when it gives one, is appended. Errors: the kernel's; EMSGSIZE when
  /// the message overflowed.
  [[nodiscard]] Result<> request(Message& message, std::string_view doing);

  /// Sends a request and hands every message of its answer to `handler`: all of a dump
  /// (NLM_F_DUMP), or the single answer of a get. A dump that changed under way is read again, so
  /// the handler sees one consistent state. Errors: as `request`.
  [[nodiscard]] Result<> query(Message& message, MessageHandler handler, std::string_view doing);

  /// Sends requests that have no answer in one call, at most requests_at_once, and returns in order
  /// what the kernel says of each; none affects the others. Errors: as `request`.
  [[nodiscard]] std::vector<Result<>> request_all(std::span<Message> messages,
                                                  std::string_view doing);

  /// Applies a transaction: all of it, or nothing. The error is that of the first message that
  /// failed, whose position is in its context. Errors: the kernel's.
  [[nodiscard]] Result<> commit(Batch& batch, std::string_view doing);

  /// Receives notifications of a multicast group, such as RTNLGRP_LINK.
  [[nodiscard]] Result<> join(unsigned group);
  /// Hands the pending notifications to `handler`; never waits. Errors: ENOBUFS when some were
  /// lost: read the state again.
  [[nodiscard]] Result<> receive(MessageHandler handler);

  /// For waiting until readable.
  [[nodiscard]] int fd() const noexcept;

 private:
  [[nodiscard]] Result<> transact(ByteView octets, std::uint32_t first, std::size_t count,
                                  std::string_view doing);
  /// Closes when destroyed.
  class Descriptor {
   public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~Descriptor();
    [[nodiscard]] int get() const noexcept { return fd_; }

   private:
    int fd_;  // -1: none
  };

  explicit Socket(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  [[nodiscard]] Result<> send(ByteView octets, std::string_view doing);
  [[nodiscard]] Result<ByteView> read(int flags, std::string_view doing);
  [[nodiscard]] Result<bool> collect(std::uint32_t sequence, Bytes& answer, bool& interrupted,
                                     std::string_view doing);

  Descriptor descriptor_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(64 * 1024);
  std::uint32_t sequence_ = 0;
};

}  // namespace weft::nl
