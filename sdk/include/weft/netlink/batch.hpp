#pragma once
/// Several nfnetlink messages that the kernel applies together or not at all.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <linux/netlink.h>

#include <weft/bytes.hpp>

namespace weft::nl {

/// An nftables transaction under construction; a value. Messages are built in place by libnftnl:
///
///   nl::Batch batch;
///   nftnl_table_nlmsg_build_payload(batch.add(NFT_MSG_NEWTABLE, NFPROTO_IPV4, NLM_F_CREATE),
///   table); batch.next(); WEFT_TRY(socket.commit(batch, "create table 'weft'"));
///
/// Source: Linux net/netfilter/nfnetlink.c, nfnetlink_rcv_batch.
class Batch {
 public:
  Batch();

  /// Begins a message of the nftables subsystem with room for 64 KiB of payload. Valid until the
  /// next `add`.
  [[nodiscard]] nlmsghdr* add(std::uint16_t type, std::uint16_t family, std::uint16_t flags);
  /// Ends the message that `add` began.
  void next();

  /// Messages between begin and end.
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }

 private:
  friend class Socket;

  nlmsghdr* begin_message(std::uint16_t type, std::uint16_t flags, std::uint16_t family,
                          std::uint16_t resource);
  /// The whole batch with its end message, numbered from `first_sequence` (the begin message).
  [[nodiscard]] ByteView finish(std::uint32_t first_sequence);

  std::vector<std::byte> octets_;  // up to used_ are final
  std::size_t used_ = 0;
  std::size_t count_ = 0;
  bool finished_ = false;
};

}  // namespace weft::nl
