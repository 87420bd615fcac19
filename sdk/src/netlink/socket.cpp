/// Talks to the kernel over netlink, and turns what it answers into values.

#include <weft/netlink/socket.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>

#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::nl {
namespace {

constexpr int dump_attempts = 8;  // a dump that changes under way is repeated this often

/// Visits the whole messages in `octets`; a truncated one ends the walk.
template <class Visit>
void for_each_message(ByteView octets, Visit visit) {
  while (octets.size() >= NLMSG_HDRLEN) {
    const auto& message = *reinterpret_cast<const nlmsghdr*>(octets.data());
    if (message.nlmsg_len < NLMSG_HDRLEN || message.nlmsg_len > octets.size()) {
      return;
    }
    visit(message);
    octets = octets.subspan(std::min<std::size_t>(NLMSG_ALIGN(message.nlmsg_len), octets.size()));
  }
}

/// The text of an extended acknowledgement; empty when there is none.
/// Source: Linux Documentation/userspace-api/netlink/intro.rst, "Extended ACK".
std::string_view explanation(const nlmsghdr& message, std::size_t skip) {
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) {
    return {};
  }
  AttributeReader attributes{message, skip};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == NLMSGERR_ATTR_MSG) {
      return attribute->text();
    }
  }
  return {};
}

/// The errno of an NLMSG_ERROR (0 for an acknowledgement), with the kernel's explanation.
struct Verdict {
  int error = 0;
  std::string_view text;
};

Verdict verdict(const nlmsghdr& message) {
  const auto* const error = extra_header<nlmsgerr>(message);
  if (error == nullptr) {
    return {EBADMSG, "the answer is truncated"};
  }
  std::size_t skip = sizeof(nlmsgerr);
  if ((message.nlmsg_flags & NLM_F_CAPPED) == 0 && error->error != 0) {
    skip += error->msg.nlmsg_len - NLMSG_HDRLEN;  // the request is echoed
  }
  return {-error->error, explanation(message, skip)};
}

std::string with_text(std::string_view doing, std::string_view text) {
  return text.empty() ? std::string(doing) : fmt::format("{} ({})", doing, text);
}

}  // namespace

Socket::Descriptor::~Descriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<Socket> Socket::open(int protocol) {
  Descriptor descriptor{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)};
  sockaddr_nl own{};  // the kernel picks the port
  own.nl_family = AF_NETLINK;
  if (descriptor.get() < 0 ||
      ::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0) {
    return fail(errno, fmt::format("open a netlink socket for protocol {}", protocol));
  }
  // Best effort: without them an error has no explanation, or carries an echo of the request.
  const int on = 1;
  ::setsockopt(descriptor.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(descriptor.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return Socket{std::move(descriptor)};
}

int Socket::fd() const noexcept {
  return descriptor_.get();
}

Result<> Socket::send(ByteView octets, std::string_view doing) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(fd(), octets.data(), octets.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) < 0) {
    return fail(errno, std::string(doing));
  }
  return {};
}

Result<ByteView> Socket::read(int flags, std::string_view doing) {
  const ssize_t got = ::recv(fd(), buffer_.data(), buffer_.size(), flags | MSG_TRUNC);
  if (got < 0) {
    return fail(errno, std::string(doing));
  }
  if (static_cast<std::size_t>(got) > buffer_.size()) {
    return fail(EMSGSIZE, std::string(doing));
  }
  return ByteView{buffer_.data(), static_cast<std::size_t>(got)};
}

/// Reads one datagram of the answer to `sequence`; true when the answer is complete. Answers to
/// earlier requests are skipped: taking one for ours would report a wrong success.
Result<bool> Socket::collect(std::uint32_t sequence, Bytes& answer, bool& interrupted,
                             std::string_view doing) {
  ByteView datagram;
  WEFT_TRY(datagram, read(0, doing));
  std::optional<Verdict> end;
  for_each_message(datagram, [&](const nlmsghdr& message) {
    if (message.nlmsg_seq != sequence || end) {
      return;
    }
    interrupted = interrupted || (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (message.nlmsg_type == NLMSG_ERROR) {
      end = verdict(message);
      return;
    }
    if (message.nlmsg_type == NLMSG_DONE) {
      const int* const status = extra_header<int>(message);
      const int error = status == nullptr || *status >= 0 ? 0 : -*status;
      end = Verdict{error, explanation(message, sizeof(int))};
      return;
    }
    const auto* const octets = reinterpret_cast<const std::byte*>(&message);
    answer.insert(answer.end(), octets, octets + message.nlmsg_len);
    answer.resize(NLMSG_ALIGN(answer.size()));
  });
  if (end && end->error != 0) {
    return fail(end->error, with_text(doing, end->text));
  }
  return end.has_value();
}

Result<> Socket::request(Message& message, std::string_view doing) {
  return query(message, [](const nlmsghdr&) {}, doing);
}

Result<> Socket::query(Message& message, MessageHandler handler, std::string_view doing) {
  if (!message.is_complete()) {
    return fail(EMSGSIZE, std::string(doing));
  }
  nlmsghdr& header = message.header();
  header.nlmsg_flags |= NLM_F_ACK;  // also a single get then ends with an acknowledgement
  const ByteView octets{reinterpret_cast<const std::byte*>(&header), header.nlmsg_len};
  for (int attempt = 0; attempt < dump_attempts; ++attempt) {
    header.nlmsg_seq = ++sequence_;
    WEFT_TRY(send(octets, doing));
    Bytes answer;
    bool interrupted = false;
    for (bool complete = false; !complete;) {
      WEFT_TRY(complete, collect(header.nlmsg_seq, answer, interrupted, doing));
    }
    if (!interrupted) {
      for_each_message(answer, [&](const nlmsghdr& each) { handler(each); });
      return {};
    }
  }
  return fail(EAGAIN, fmt::format("{}: the kernel's answer kept changing", doing));
}

std::vector<Result<>> Socket::request_all(std::span<Message> messages, std::string_view doing) {
  WEFT_CHECK(messages.size() <= requests_at_once, "netlink requests are sent a few at a time");
  std::vector<Result<>> outcomes(messages.size());
  const std::uint32_t first = sequence_ + 1;
  Bytes octets;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    nlmsghdr& header = messages[i].header();
    header.nlmsg_seq = ++sequence_;
    if (!messages[i].is_complete()) {
      outcomes[i] = fail(EMSGSIZE, std::string(doing));
      continue;
    }
    const auto* const begin = reinterpret_cast<const std::byte*>(&header);
    octets.insert(octets.end(), begin, begin + header.nlmsg_len);
    octets.resize(NLMSG_ALIGN(octets.size()));
  }
  if (const auto sent = send(octets, doing); !sent) {
    std::ranges::fill(outcomes, sent);
    return outcomes;
  }
  // The kernel answered inside send: one error per refused message, nothing for the others.
  for (;;) {
    const auto datagram = read(MSG_DONTWAIT, doing);
    if (!datagram) {
      if (datagram.error().code != std::errc::resource_unavailable_try_again) {
        std::ranges::fill(outcomes, Result<>(tl::unexpected(datagram.error())));
      }
      return outcomes;
    }
    for_each_message(*datagram, [&](const nlmsghdr& message) {
      const std::uint32_t at = message.nlmsg_seq - first;
      if (message.nlmsg_type == NLMSG_ERROR && at < outcomes.size()) {
        if (const Verdict answer = verdict(message); answer.error != 0) {
          outcomes[at] = fail(answer.error, with_text(doing, answer.text));
        }
      }
    });
  }
}

Result<> Socket::transact(ByteView octets, std::uint32_t first, std::size_t count,
                          std::string_view doing) {
  // One datagram must carry the transaction; needs CAP_NET_ADMIN, as the transaction itself does.
  const auto room = static_cast<int>(2 * octets.size());
  ::setsockopt(fd(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  WEFT_TRY(send(octets, doing));

  // The kernel answered inside send: one error per failed message, nothing for the others.
  std::optional<Error> failure;
  for (;;) {
    auto datagram = read(MSG_DONTWAIT, doing);
    if (!datagram) {
      const bool is_end = datagram.error().code == std::errc::resource_unavailable_try_again;
      if (!is_end && !failure) {
        return tl::unexpected(std::move(datagram).error());
      }
      break;
    }
    for_each_message(*datagram, [&](const nlmsghdr& message) {
      const std::uint32_t position = message.nlmsg_seq - first;  // 0 is the begin message
      if (failure || message.nlmsg_type != NLMSG_ERROR || position > count + 1) {
        return;
      }
      if (const Verdict answer = verdict(message); answer.error != 0) {
        failure = Error{
            std::error_code(answer.error, std::generic_category()),
            with_text(fmt::format("{}: message {} of {}", doing, position, count), answer.text)};
      }
    });
  }
  if (failure) {
    return tl::unexpected(*std::move(failure));
  }
  return {};
}

Result<> Socket::join(unsigned group) {
  if (::setsockopt(fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) {
    return fail(errno, fmt::format("join netlink group {}", group));
  }
  return {};
}

Result<> Socket::receive(MessageHandler handler) {
  for (;;) {
    auto datagram = read(MSG_DONTWAIT, "read netlink notifications");
    if (!datagram) {
      if (datagram.error().code == std::errc::resource_unavailable_try_again) {
        return {};
      }
      return tl::unexpected(std::move(datagram).error());
    }
    for_each_message(*datagram, [&](const nlmsghdr& message) { handler(message); });
  }
}

}  // namespace weft::nl
