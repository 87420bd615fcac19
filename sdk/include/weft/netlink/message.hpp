#pragma once
/// Netlink messages: one being built, and attributes being read.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <linux/netlink.h>

#include <weft/bytes.hpp>

struct nl_msg;  // libnl's message object

namespace weft::nl {

/// One request under construction: a libnl message object, sent by our own Socket. A value of the
/// thread that builds it. An attribute that does not fit is not written; sending such a message
/// fails with EMSGSIZE.
class Message {
 public:
  static constexpr std::size_t max_bytes = 8192;

  /// `flags` beyond NLM_F_REQUEST, such as NLM_F_ACK or NLM_F_DUMP.
  Message(std::uint16_t type, std::uint16_t flags) noexcept;

  /// Appends a zeroed protocol header, such as ifinfomsg. Before any attribute.
  template <class T>
  T& extra_header() noexcept {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 256);
    return *static_cast<T*>(append_header(sizeof(T)));
  }

  Message& put(std::uint16_t type, ByteView value) noexcept;
  /// With the final zero octet that names need.
  Message& put_text(std::uint16_t type, std::string_view text) noexcept;
  /// In host order, as rtnetlink wants most numbers.
  template <class T>
    requires std::is_integral_v<T>
  Message& put_number(std::uint16_t type, T value) noexcept {
    return put(type, std::as_bytes(std::span{&value, 1}));
  }

  /// Calls `fill`, and wraps what it put in one attribute of `type`.
  template <class Fill>
  Message& nest(std::uint16_t type, Fill fill) {
    nlattr* const nest = begin_nest(type);
    fill();
    end_nest(nest);
    return *this;
  }

  /// Appends raw octets inside a nest: veth wants a header before its attributes.
  void append(ByteView octets) noexcept;

  [[nodiscard]] nlmsghdr& header() noexcept;
  [[nodiscard]] bool is_complete() const noexcept { return !overflowed_; }

 private:
  struct Free {
    void operator()(nl_msg* message) const noexcept;
  };

  void* append_header(std::size_t bytes) noexcept;
  nlattr* begin_nest(std::uint16_t type) noexcept;
  void end_nest(nlattr* nest) noexcept;

  std::unique_ptr<nl_msg, Free> message_;
  bool overflowed_ = false;
};

/// One attribute as read. Views the message it came from.
struct Attribute {
  std::uint16_t type = 0;  ///< without the nested and byte-order flags
  ByteView value;

  /// A number in host order; empty when the length is not sizeof(T).
  template <class T>
  [[nodiscard]] std::optional<T> number() const noexcept {
    if (value.size() != sizeof(T)) {
      return std::nullopt;
    }
    T result;
    std::memcpy(&result, value.data(), sizeof(T));
    return result;
  }

  /// Text up to the first zero octet.
  [[nodiscard]] std::string_view text() const noexcept {
    const std::string_view whole = as_text(value);
    return whole.substr(0, whole.find('\0'));
  }
};

/// A sequence of attributes: `while (auto attribute = reader.next())`. Stops at malformed octets.
class AttributeReader {
 public:
  explicit AttributeReader(ByteView octets) noexcept : rest_(octets) {}
  /// The attributes of `message` after its protocol header of `header_bytes`.
  AttributeReader(const nlmsghdr& message, std::size_t header_bytes) noexcept;

  [[nodiscard]] std::optional<Attribute> next() noexcept;

 private:
  ByteView rest_;
};

/// The protocol header of `message`; null when the message is too short for one.
template <class T>
[[nodiscard]] const T* extra_header(const nlmsghdr& message) noexcept {
  return message.nlmsg_len >= NLMSG_HDRLEN + sizeof(T)
             ? reinterpret_cast<const T*>(reinterpret_cast<const std::byte*>(&message) +
                                          NLMSG_HDRLEN)
             : nullptr;
}

}  // namespace weft::nl
