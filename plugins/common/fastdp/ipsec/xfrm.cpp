/// Builds the requests of NETLINK_XFRM, and reads what the kernel answers.

#include "xfrm.hpp"

#include <linux/xfrm.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace weft::ipsec {
namespace {

constexpr std::uint32_t lowest_spi = 0x100;  // RFC 4303 section 2.1 reserves those below
constexpr std::string_view cipher = "rfc4106(gcm(aes))";
constexpr std::uint32_t icv_bits = 128;
constexpr std::uint32_t replay_window = 256;  // packets

template <class T>
ByteView octets_of(const T& object) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span{&object, 1});
}

/// A structure of the kernel's that ends in an array.
template <class T>
Bytes followed_by(const T& head, ByteView tail) {
  Bytes whole(sizeof head + tail.size());
  std::ranges::copy(octets_of(head), whole.begin());
  std::ranges::copy(tail, whole.begin() + sizeof head);
  return whole;
}

xfrm_address_t to_kernel(const net::IpAddress& address) {
  xfrm_address_t result{};
  std::memcpy(&result.a4, address.octets.data(), sizeof result.a4);
  return result;
}

net::IpAddress from_kernel(const xfrm_address_t& address) {
  net::IpAddress result;
  std::memcpy(result.octets.data(), &address.a4, sizeof address.a4);
  return result;
}

std::string describe(const Direction& direction) {
  return fmt::format("from {} to {}", to_string(direction.source),
                     to_string(direction.destination));
}

std::string describe(const Association& association) {
  return fmt::format("{:#010x} {}", association.spi, describe(association.direction));
}

bool is(const Error& error, int code) {
  return error.code == std::error_code(code, std::generic_category());
}

xfrm_lifetime_cfg unlimited() {
  xfrm_lifetime_cfg limits{};
  limits.soft_byte_limit = XFRM_INF;
  limits.hard_byte_limit = XFRM_INF;
  limits.soft_packet_limit = XFRM_INF;
  limits.hard_packet_limit = XFRM_INF;
  return limits;
}

void fill(xfrm_usersa_info& info, const Association& association) {
  info.sel.family = AF_INET;
  info.id.daddr = to_kernel(association.direction.destination);
  info.id.spi = htonl(association.spi);
  info.id.proto = IPPROTO_ESP;
  info.saddr = to_kernel(association.direction.source);
  info.lft = unlimited();
  info.family = AF_INET;
  info.mode = XFRM_MODE_TRANSPORT;
}

/// A request for a whole association: XFRM_MSG_NEWSA or XFRM_MSG_UPDSA.
nl::Message association_message(std::uint16_t type, const Association& association,
                                const SaKey& key) {
  nl::Message message(type, NLM_F_ACK);
  auto& info = message.extra_header<xfrm_usersa_info>();
  fill(info, association);
  info.flags = XFRM_STATE_ESN;  // then info.replay_window stays 0

  xfrm_algo_aead aead{};
  cipher.copy(aead.alg_name, sizeof aead.alg_name - 1);
  aead.alg_key_len = 8 * sizeof key.octets;
  aead.alg_icv_len = icv_bits;
  constexpr std::array<std::byte, replay_window / 8> nothing_seen{};
  xfrm_replay_state_esn replay{};
  replay.bmp_len = replay_window / 32;
  replay.replay_window = replay_window;
  message.put(XFRMA_ALG_AEAD, followed_by(aead, key.octets))
      .put(XFRMA_REPLAY_ESN_VAL, followed_by(replay, nothing_seen))
      .put_number(XFRMA_SET_MARK, tunnel_mark)
      .put_number(XFRMA_SET_MARK_MASK, tunnel_mark);
  return message;
}

/// A request about an association by what the kernel finds it by.
nl::Message association_query(std::uint16_t type, const Association& association) {
  nl::Message message(type, NLM_F_ACK);
  auto& id = message.extra_header<xfrm_usersa_id>();
  id.daddr = to_kernel(association.direction.destination);
  id.spi = htonl(association.spi);
  id.family = AF_INET;
  id.proto = IPPROTO_ESP;
  return message;
}

void fill(xfrm_selector& selector, const Direction& direction) {
  selector.daddr = to_kernel(direction.destination);
  selector.saddr = to_kernel(direction.source);
  selector.family = AF_INET;
  selector.prefixlen_d = 32;
  selector.prefixlen_s = 32;
  selector.proto = IPPROTO_UDP;
}

void put_mark(nl::Message& message) {
  message.put(XFRMA_MARK, octets_of(xfrm_mark{tunnel_mark, tunnel_mark}));
}

nl::Message policy_query(std::uint16_t type, const Direction& direction) {
  nl::Message message(type, NLM_F_ACK);
  auto& id = message.extra_header<xfrm_userpolicy_id>();
  fill(id.sel, direction);
  id.dir = XFRM_POLICY_OUT;
  put_mark(message);
  return message;
}

/// The protocol header of `message`, copied: messages are aligned to four octets, these structures
/// to eight.
template <class T>
std::optional<T> read_header(const nlmsghdr& message) {
  const void* const at = nl::extra_header<T>(message);
  if (at == nullptr) {
    return std::nullopt;
  }
  T header;
  std::memcpy(&header, at, sizeof header);
  return header;
}

std::optional<Association> read_association(const nlmsghdr& message) {
  const auto info = read_header<xfrm_usersa_info>(message);
  if (!info || info->family != AF_INET || info->id.proto != IPPROTO_ESP) {
    return std::nullopt;
  }
  return Association{{from_kernel(info->saddr), from_kernel(info->id.daddr)}, ntohl(info->id.spi)};
}

bool sets_tunnel_mark(const nlmsghdr& message) {
  std::uint32_t mark = 0;
  std::uint32_t mask = 0;
  nl::AttributeReader attributes(message, sizeof(xfrm_usersa_info));
  while (const auto attribute = attributes.next()) {
    if (attribute->type == XFRMA_SET_MARK) {
      mark = attribute->number<std::uint32_t>().value_or(0);
    } else if (attribute->type == XFRMA_SET_MARK_MASK) {
      mask = attribute->number<std::uint32_t>().value_or(0);
    }
  }
  return mark == tunnel_mark && mask == tunnel_mark;
}

/// Source: weaveworks/weave net/ipsec/ipsec.go, xfrmState.
bool is_like_originals(const nlmsghdr& message) {
  const auto* const info = nl::extra_header<xfrm_usersa_info>(message);
  if (info == nullptr || info->mode != XFRM_MODE_TRANSPORT || info->reqid != 0 ||
      (info->flags & XFRM_STATE_ESN) == 0) {
    return false;
  }
  bool has_cipher = false;
  bool has_window = false;
  nl::AttributeReader attributes(message, sizeof(xfrm_usersa_info));
  while (const auto attribute = attributes.next()) {
    if (attribute->type == XFRMA_SET_MARK || attribute->type == XFRMA_MARK) {
      return false;
    }
    if (attribute->type == XFRMA_ALG_AEAD && attribute->value.size() >= sizeof(xfrm_algo_aead)) {
      xfrm_algo_aead aead;
      std::memcpy(&aead, attribute->value.data(), sizeof aead);
      has_cipher = cipher == static_cast<const char*>(aead.alg_name) &&
                   aead.alg_key_len == 8 * sizeof(SaKey::octets) && aead.alg_icv_len == icv_bits;
    } else if (attribute->type == XFRMA_REPLAY_ESN_VAL &&
               attribute->value.size() >= sizeof(xfrm_replay_state_esn)) {
      xfrm_replay_state_esn replay;
      std::memcpy(&replay, attribute->value.data(), sizeof replay);
      has_window = replay.replay_window == replay_window;
    }
  }
  return has_cipher && has_window;
}

/// The association that a policy of ours demands; empty for other policies.
std::optional<Association> read_policy(const nlmsghdr& message) {
  const auto info = read_header<xfrm_userpolicy_info>(message);
  if (!info || info->sel.family != AF_INET || info->dir != XFRM_POLICY_OUT) {
    return std::nullopt;
  }
  std::optional<std::uint32_t> spi;
  bool is_ours = false;
  nl::AttributeReader attributes(message, sizeof(xfrm_userpolicy_info));
  while (const auto attribute = attributes.next()) {
    if (attribute->type == XFRMA_TMPL && attribute->value.size() >= sizeof(xfrm_user_tmpl)) {
      xfrm_user_tmpl demanded;
      std::memcpy(&demanded, attribute->value.data(), sizeof demanded);
      spi = ntohl(demanded.id.spi);
    } else if (attribute->type == XFRMA_MARK) {
      const auto mark = attribute->number<std::uint64_t>();
      const xfrm_mark ours{tunnel_mark, tunnel_mark};
      is_ours = mark && std::memcmp(&*mark, &ours, sizeof ours) == 0;
    }
  }
  if (!is_ours || !spi) {
    return std::nullopt;
  }
  return Association{{from_kernel(info->sel.saddr), from_kernel(info->sel.daddr)}, *spi};
}

/// Says what an administrator can do about the errors that stop everything.
Error with_remedy(Error error) {
  // Quiet about modules that newer kernels no longer have, such as ghash_generic and drbg.
  constexpr std::string_view remedy =
      "modprobe -aq xfrm_user esp4 gcm ctr ghash_generic seqiv drbg";
  constexpr std::array missing_esp{EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT, EPROTO};
  constexpr std::array missing_cipher{ENOSYS, ENOENT};
  const int code = error.code.category() == std::generic_category() ? error.code.value() : 0;
  if (code == EPERM || code == EACCES) {
    error.context += " (weftd needs CAP_NET_ADMIN)";
  } else if (std::ranges::count(missing_esp, code) != 0) {
    error.context += fmt::format(" (the kernel lacks IPsec with ESP: {})", remedy);
    error.code = make_error_code(Errc::unsupported);
  } else if (std::ranges::count(missing_cipher, code) != 0) {
    error.context += fmt::format(" (the kernel lacks {}: {})", cipher, remedy);
    error.code = make_error_code(Errc::unsupported);
  }
  return error;
}

}  // namespace

Result<Xfrm> Xfrm::open() {
  auto socket = nl::Socket::open(NETLINK_XFRM);
  if (!socket) {
    return tl::unexpected(with_remedy(std::move(socket).error()));
  }
  Xfrm xfrm(std::move(*socket));
  if (auto usable = xfrm.probe(); !usable) {
    return tl::unexpected(with_remedy(std::move(usable).error()));
  }
  return xfrm;
}

Result<> Xfrm::probe() {
  // To an address of documentation (RFC 5737), which no peer has.
  const net::IpAddress nobody = net::IpAddress::v4(0xC0000201);
  Association association{{nobody, nobody}, 0};
  WEFT_TRY(association.spi, allocate_spi(association.direction));
  auto made = set_inbound(association, SaKey{});
  WEFT_TRY(remove(association));
  return made;
}

Result<std::uint32_t> Xfrm::allocate_spi(const Direction& direction) {
  nl::Message message(XFRM_MSG_ALLOCSPI, NLM_F_ACK);
  auto& request = message.extra_header<xfrm_userspi_info>();
  fill(request.info, {direction, 0});
  request.min = lowest_spi;
  request.max = UINT32_MAX;

  std::optional<Association> allocated;
  const std::string doing = fmt::format("allocate an SPI for ESP {}", describe(direction));
  WEFT_TRY(socket_.query(
      message, [&](const nlmsghdr& answer) { allocated = read_association(answer); }, doing));
  if (!allocated) {
    return fail(EBADMSG, doing);
  }
  return allocated->spi;
}

Result<> Xfrm::set_inbound(const Association& association, const SaKey& key) {
  auto message = association_message(XFRM_MSG_UPDSA, association, key);
  return socket_.request(message,
                         fmt::format("set up inbound association {}", describe(association)));
}

Result<> Xfrm::add_outbound(const Association& association, const SaKey& key) {
  auto message = association_message(XFRM_MSG_NEWSA, association, key);
  return socket_.request(message,
                         fmt::format("set up outbound association {}", describe(association)));
}

Result<> Xfrm::remove(const Association& association) {
  auto message = association_query(XFRM_MSG_DELSA, association);
  auto removed =
      socket_.request(message, fmt::format("remove association {}", describe(association)));
  return !removed && is(removed.error(), ESRCH) ? Result<>{} : removed;
}

Result<bool> Xfrm::is_used(const Association& association) {
  auto message = association_query(XFRM_MSG_GETSA, association);
  bool used = false;
  WEFT_TRY(socket_.query(
      message,
      [&](const nlmsghdr& answer) {
        const auto info = read_header<xfrm_usersa_info>(answer);
        used = info && info->curlft.packets > 0;
      },
      fmt::format("read association {}", describe(association))));
  return used;
}

Result<std::vector<Association>> Xfrm::list_associations(
    const std::function<bool(const nlmsghdr&)>& is_wanted) {
  nl::Message message(XFRM_MSG_GETSA, NLM_F_DUMP);
  std::vector<Association> wanted;
  WEFT_TRY(socket_.query(
      message,
      [&](const nlmsghdr& answer) {
        if (const auto read = read_association(answer); read && is_wanted(answer)) {
          wanted.push_back(*read);
        }
      },
      "list security associations"));
  return wanted;
}

Result<std::vector<Association>> Xfrm::associations() {
  return list_associations(sets_tunnel_mark);
}

Result<std::vector<Association>> Xfrm::original_associations() {
  return list_associations(is_like_originals);
}

Result<> Xfrm::set_policy(const Association& association) {
  nl::Message message(XFRM_MSG_UPDPOLICY, NLM_F_ACK);
  auto& info = message.extra_header<xfrm_userpolicy_info>();
  fill(info.sel, association.direction);
  info.lft = unlimited();
  info.dir = XFRM_POLICY_OUT;

  xfrm_user_tmpl demanded{};
  demanded.id.daddr = to_kernel(association.direction.destination);
  demanded.id.spi = htonl(association.spi);
  demanded.id.proto = IPPROTO_ESP;
  demanded.family = AF_INET;
  demanded.saddr = to_kernel(association.direction.source);
  demanded.mode = XFRM_MODE_TRANSPORT;
  demanded.aalgos = demanded.ealgos = demanded.calgos = UINT32_MAX;  // any
  message.put(XFRMA_TMPL, octets_of(demanded));
  put_mark(message);
  return socket_.request(message,
                         fmt::format("demand association {} by policy", describe(association)));
}

Result<std::optional<Association>> Xfrm::policy(const Direction& direction) {
  auto message = policy_query(XFRM_MSG_GETPOLICY, direction);
  std::optional<Association> found;
  const auto answer = socket_.query(
      message, [&](const nlmsghdr& policy) { found = read_policy(policy); },
      fmt::format("read the IPsec policy {}", describe(direction)));
  if (!answer && !is(answer.error(), ENOENT)) {
    return tl::unexpected(answer.error());
  }
  return found;
}

Result<> Xfrm::remove_policy(const Direction& direction) {
  auto message = policy_query(XFRM_MSG_DELPOLICY, direction);
  auto removed =
      socket_.request(message, fmt::format("remove the IPsec policy {}", describe(direction)));
  return !removed && is(removed.error(), ENOENT) ? Result<>{} : removed;
}

Result<std::vector<Association>> Xfrm::policies() {
  nl::Message message(XFRM_MSG_GETPOLICY, NLM_F_DUMP);
  std::vector<Association> ours;
  WEFT_TRY(socket_.query(
      message,
      [&](const nlmsghdr& answer) {
        if (const auto policy = read_policy(answer)) {
          ours.push_back(*policy);
        }
      },
      "list IPsec policies"));
  return ours;
}

}  // namespace weft::ipsec
