/// Builds and reads netlink messages within fixed bounds.

#include <weft/netlink/message.hpp>

#include <algorithm>

namespace weft::nl {
namespace {

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + 3U) & ~std::size_t{3};
}

}  // namespace

Message::Message(std::uint16_t type, std::uint16_t flags) noexcept {
  header().nlmsg_len = NLMSG_HDRLEN;
  header().nlmsg_type = type;
  header().nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

std::byte* Message::reserve(std::size_t bytes) noexcept {
  const std::size_t start = aligned(header().nlmsg_len);
  if (overflowed_ || bytes > storage_.size() - start) {
    overflowed_ = true;
    return nullptr;
  }
  header().nlmsg_len = static_cast<std::uint32_t>(start + bytes);
  return storage_.data() + start;
}

void* Message::append_header(std::size_t bytes) noexcept {
  return reserve(bytes);
}

void Message::append(ByteView octets) noexcept {
  if (std::byte* const to = reserve(octets.size())) {
    std::ranges::copy(octets, to);
  }
}

Message& Message::put(std::uint16_t type, ByteView value) noexcept {
  if (std::byte* const to = reserve(sizeof(nlattr) + value.size())) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
    std::memcpy(to, &head, sizeof head);
    std::ranges::copy(value, to + sizeof head);
  }
  return *this;
}

Message& Message::put_text(std::uint16_t type, std::string_view text) noexcept {
  if (std::byte* const to = reserve(sizeof(nlattr) + text.size() + 1)) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + text.size() + 1), type};
    std::memcpy(to, &head, sizeof head);
    std::ranges::copy(weft::as_bytes(text), to + sizeof head);
  }
  return *this;
}

std::size_t Message::begin_nest(std::uint16_t type) noexcept {
  const std::size_t start = aligned(header().nlmsg_len);
  put(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
  return start;
}

void Message::end_nest(std::size_t start) noexcept {
  if (!overflowed_) {
    const auto length = static_cast<std::uint16_t>(header().nlmsg_len - start);
    std::memcpy(storage_.data() + start + offsetof(nlattr, nla_len), &length, sizeof length);
  }
}

AttributeReader::AttributeReader(const nlmsghdr& message, std::size_t header_bytes) noexcept {
  const std::size_t skip = NLMSG_HDRLEN + aligned(header_bytes);
  if (message.nlmsg_len > skip) {
    rest_ = {reinterpret_cast<const std::byte*>(&message) + skip, message.nlmsg_len - skip};
  }
}

std::optional<Attribute> AttributeReader::next() noexcept {
  nlattr head;
  if (rest_.size() < sizeof head) {
    return std::nullopt;
  }
  std::memcpy(&head, rest_.data(), sizeof head);
  if (head.nla_len < sizeof head || head.nla_len > rest_.size()) {
    return std::nullopt;
  }
  const Attribute found{static_cast<std::uint16_t>(head.nla_type & NLA_TYPE_MASK),
                        rest_.subspan(sizeof head, head.nla_len - sizeof head)};
  rest_ = rest_.subspan(std::min(aligned(head.nla_len), rest_.size()));
  return found;
}

}  // namespace weft::nl
