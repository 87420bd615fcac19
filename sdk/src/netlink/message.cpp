/// Builds and reads netlink messages with libnl's message and attribute functions.

#include <weft/netlink/message.hpp>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <weft/result.hpp>

namespace weft::nl {

void Message::Free::operator()(nl_msg* message) const noexcept {
  nlmsg_free(message);
}

Message::Message(std::uint16_t type, std::uint16_t flags) noexcept
    : message_(nlmsg_alloc_size(max_bytes)) {
  WEFT_CHECK(message_ != nullptr, "there is memory for a netlink message");
  nlmsg_put(message_.get(), NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags);
}

nlmsghdr& Message::header() noexcept {
  return *nlmsg_hdr(message_.get());
}

void* Message::append_header(std::size_t bytes) noexcept {
  void* const to = nlmsg_reserve(message_.get(), bytes, NLMSG_ALIGNTO);
  WEFT_CHECK(to != nullptr, "a netlink message begins with its protocol header");
  return std::memset(to, 0, bytes);
}

void Message::append(ByteView octets) noexcept {
  if (nlmsg_append(message_.get(), const_cast<std::byte*>(octets.data()), octets.size(),
                   NLMSG_ALIGNTO) != 0) {
    overflowed_ = true;
  }
}

Message& Message::put(std::uint16_t type, ByteView value) noexcept {
  if (nla_put(message_.get(), type, static_cast<int>(value.size()), value.data()) != 0) {
    overflowed_ = true;
  }
  return *this;
}

Message& Message::put_text(std::uint16_t type, std::string_view text) noexcept {
  nlattr* const attribute =
      nla_reserve(message_.get(), type, static_cast<int>(text.size() + sizeof('\0')));
  if (attribute == nullptr) {
    overflowed_ = true;
    return *this;
  }
  auto* const to = static_cast<char*>(nla_data(attribute));
  text.copy(to, text.size());
  to[text.size()] = '\0';
  return *this;
}

/// Source: libnl lib/attr.c: nla_nest_start sets NLA_F_NESTED.
nlattr* Message::begin_nest(std::uint16_t type) noexcept {
  nlattr* const nest = nla_nest_start(message_.get(), type);
  overflowed_ = overflowed_ || nest == nullptr;
  return nest;
}

void Message::end_nest(nlattr* nest) noexcept {
  if (nest != nullptr) {
    nla_nest_end_keep_empty(message_.get(), nest);
  }
}

AttributeReader::AttributeReader(const nlmsghdr& message, std::size_t header_bytes) noexcept {
  const std::size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header_bytes);
  if (message.nlmsg_len > skip) {
    rest_ = {reinterpret_cast<const std::byte*>(&message) + skip, message.nlmsg_len - skip};
  }
}

std::optional<Attribute> AttributeReader::next() noexcept {
  auto* const head = reinterpret_cast<nlattr*>(const_cast<std::byte*>(rest_.data()));
  auto remaining = static_cast<int>(rest_.size());
  if (!nla_ok(head, remaining)) {
    return std::nullopt;
  }
  const Attribute found{
      static_cast<std::uint16_t>(nla_type(head)),
      {static_cast<const std::byte*>(nla_data(head)), static_cast<std::size_t>(nla_len(head))}};
  nla_next(head, &remaining);
  rest_ = rest_.last(remaining > 0 ? static_cast<std::size_t>(remaining) : 0);
  return found;
}

}  // namespace weft::nl
