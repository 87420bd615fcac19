/// Lays out nfnetlink transactions with libmnl.

#include <weft/netlink/batch.hpp>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::nl {
namespace {

constexpr std::size_t message_room = 64 * 1024 + NLMSG_HDRLEN;  // an attribute's length is 16 bits

}  // namespace

Batch::Batch() {
  begin_message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  next();
  count_ = 0;
}

nlmsghdr* Batch::begin_message(std::uint16_t type, std::uint16_t flags, std::uint16_t family,
                               std::uint16_t resource) {
  octets_.resize(used_ + message_room);
  nlmsghdr* const header = mnl_nlmsg_put_header(octets_.data() + used_);
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  auto* const extra = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  extra->nfgen_family = static_cast<std::uint8_t>(family);
  extra->version = NFNETLINK_V0;
  extra->res_id = htons(resource);
  return header;
}

nlmsghdr* Batch::add(std::uint16_t type, std::uint16_t family, std::uint16_t flags) {
  WEFT_CHECK(!finished_, "a committed netlink batch is not extended");
  return begin_message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), flags, family,
                       0);
}

void Batch::next() {
  const auto* const header = reinterpret_cast<const nlmsghdr*>(octets_.data() + used_);
  const std::size_t length = MNL_ALIGN(header->nlmsg_len);
  WEFT_CHECK(length <= message_room, "a netlink message fits its room");
  used_ += length;
  ++count_;
}

ByteView Batch::finish(std::uint32_t first_sequence) {
  if (!finished_) {
    begin_message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    next();
    --count_;
    finished_ = true;
    octets_.resize(used_);
  }
  for (std::size_t at = 0; at < used_;) {
    auto* const header = reinterpret_cast<nlmsghdr*>(octets_.data() + at);
    header->nlmsg_seq = first_sequence++;
    at += MNL_ALIGN(header->nlmsg_len);
  }
  return octets_;
}

Result<> Socket::commit(Batch& batch, std::string_view doing) {
  const std::uint32_t first = sequence_ + 1;
  const ByteView octets = batch.finish(first);
  sequence_ = first + static_cast<std::uint32_t>(batch.size()) + 1;
  return transact(octets, first, batch.size(), doing);
}

}  // namespace weft::nl
