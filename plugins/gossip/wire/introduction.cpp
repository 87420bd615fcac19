/// Protocol header, version choice and the exchange of public keys.

#include "gossip/wire/introduction.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

namespace weft::mesh {
namespace {

constexpr std::string_view magic = "weave";
constexpr std::byte flag_clear{0};
constexpr std::byte flag_encrypted{1};

/// Both sides must have a password, or neither.
Result<bool> agree_encryption(bool peer_wants, bool has_password) {
  if (has_password && !peer_wants) {
    return fail(Errc::denied,
                "meet the peer: a password is configured here, but the peer has none");
  }
  if (!has_password && peer_wants) {
    return fail(Errc::denied, "meet the peer: it has a password, but none is configured here");
  }
  return peer_wants;
}

std::string to_hex(const Key& key) {
  std::string text;
  for (const std::byte octet : key) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  }
  return text;
}

Result<unsigned> hex_digit(char c) {
  const std::size_t digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
  if (digit == std::string_view::npos) {
    return fail(Errc::malformed, "read features: field PublicKey is not hexadecimal");
  }
  return static_cast<unsigned>(digit % 16);
}

}  // namespace

Bytes encode_header(unsigned lowest, unsigned highest) {
  const ByteView text = as_bytes(magic);
  Bytes header(text.begin(), text.end());
  header.push_back(static_cast<std::byte>(lowest));
  header.push_back(static_cast<std::byte>(highest));
  return header;
}

Result<unsigned> choose_version(ByteView header, unsigned our_lowest, unsigned our_highest) {
  if (header.size() < header_bytes || as_text(header.first(magic.size())) != magic) {
    return fail(Errc::malformed, "meet the peer: it does not speak the mesh protocol");
  }
  const auto their_lowest = std::to_integer<unsigned>(header[magic.size()]);
  const auto their_highest = std::to_integer<unsigned>(header[magic.size() + 1]);
  const unsigned version = std::min(our_highest, their_highest);
  if (version < std::max(our_lowest, their_lowest)) {
    return fail(Errc::unsupported,
                fmt::format("meet the peer: it speaks versions {} to {}, we speak {} to {}",
                            their_lowest, their_highest, our_lowest, our_highest));
  }
  return version;
}

Bytes encode_encryption(const std::optional<Key>& public_key) {
  Bytes octets;
  octets.reserve(encryption_flag_bytes + sizeof(Key));
  octets.push_back(public_key ? flag_encrypted : flag_clear);
  if (public_key) {
    octets.insert(octets.end(), public_key->begin(), public_key->end());
  }
  return octets;
}

Result<bool> parse_encryption_flag(std::byte flag, bool has_password) {
  if (flag != flag_clear && flag != flag_encrypted) {
    return fail(Errc::malformed, fmt::format("meet the peer: encryption flag is {}",
                                             std::to_integer<unsigned>(flag)));
  }
  return agree_encryption(flag == flag_encrypted, has_password);
}

Bytes encode_protocol1_features(const FeatureMap& features, const std::optional<Key>& public_key) {
  FeatureMap subset = protocol1_subset(features);
  if (public_key) {
    subset["PublicKey"] = to_hex(*public_key);
  }
  return encode_map(subset);
}

Result<std::optional<Key>> protocol1_public_key(const FeatureMap& features, bool has_password) {
  const auto found = features.find("PublicKey");
  WEFT_TRY(agree_encryption(found != features.end(), has_password));
  if (found == features.end()) {
    return std::optional<Key>{};
  }
  const std::string& text = found->second;
  Key key{};  // as Weave Net does, a short key is padded with zeros and a long one cut
  for (std::size_t i = 0; i + 1 < text.size() && i / 2 < key.size(); i += 2) {
    unsigned high = 0;
    unsigned low = 0;
    WEFT_TRY(high, hex_digit(text[i]));
    WEFT_TRY(low, hex_digit(text[i + 1]));
    key[i / 2] = static_cast<std::byte>(high << 4U | low);
  }
  return std::optional<Key>{key};
}

}  // namespace weft::mesh
