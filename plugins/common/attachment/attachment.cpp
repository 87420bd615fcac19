/// Derives names and owners from the identity of a pod's interface.

#include "attachment.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include <fmt/core.h>

#include <weft/net/ip.hpp>

namespace weft::cni {
namespace {

constexpr std::string_view pod_end_prefix = "vethwepg";  // as Weave Net has it
constexpr std::string_view alias_prefix = "weft:";
constexpr std::size_t longest_container_id = 256;
constexpr std::size_t longest_interface = 15;  // IFNAMSIZ less the final zero
constexpr std::size_t longest_alias = 255;     // IFALIASZ less the final zero
constexpr std::size_t name_characters = 7;     // what IFNAMSIZ leaves after a prefix
constexpr std::size_t shortest_old_id = 5;     // Weave Net took shorter ones for none

/// FNV-1a: the same text gives the same name, so that a repeated ADD and a DEL find it.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return value;
}

/// Seven of 36 characters: of 500 pods, two share a name on one node of half a million.
std::string name_part(std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string part;
  for (std::size_t i = 0; i < name_characters; ++i, value /= digits.size()) {
    part += digits[value % digits.size()];
  }
  return part;
}

VethNames names(std::string_view part) {
  return {std::string(pod_port_prefix) + std::string(part),
          std::string(pod_end_prefix) + std::string(part)};
}

/// Neither an id nor an interface can hold '/'.
std::string full_name(const AttachmentId& attachment) {
  return attachment.container_id + "/" + attachment.interface;
}

bool is_alphanumeric(char c) noexcept {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

bool is_container_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_container_id && is_alphanumeric(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_interface_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= longest_interface && name != "." && name != ".." &&
         std::ranges::none_of(name, [](char c) {
           return c == '/' || c == ':' || c == '%' ||
                  std::isspace(static_cast<unsigned char>(c)) != 0;
         });
}

std::string address_owner(const AttachmentId& attachment) {
  const bool is_first = attachment.interface.empty() || attachment.interface == "eth0";
  return is_first && !net::parse_ip(attachment.container_id) ? attachment.container_id
                                                             : full_name(attachment);
}

std::string port_alias(const AttachmentId& attachment) {
  const std::string name = full_name(attachment);
  std::string alias = std::string(alias_prefix) + name;
  if (alias.size() > longest_alias) {
    const std::string rest = fmt::format("#{:016x}", hash(name));
    alias = alias.substr(0, longest_alias - rest.size()) + rest;
  }
  return alias;
}

bool is_port_alias(std::string_view alias) noexcept {
  return alias.starts_with(alias_prefix);
}

std::optional<AttachmentId> attachment_of(std::string_view alias) {
  if (!is_port_alias(alias)) {
    return std::nullopt;
  }
  alias.remove_prefix(alias_prefix.size());
  const auto slash = std::min(alias.find('/'), alias.size());
  const std::string_view interface = alias.substr(std::min(slash + 1, alias.size()));
  if (!is_container_id(alias.substr(0, slash)) || !is_interface_name(interface)) {
    return std::nullopt;
  }
  return AttachmentId{std::string(alias.substr(0, slash)), std::string(interface)};
}

VethNames veth_names(const AttachmentId& attachment) {
  return names(name_part(hash(full_name(attachment))));
}

VethNames old_veth_names(std::string_view container_id) {
  const std::string id = container_id.size() >= shortest_old_id
                             ? std::string(container_id)
                             : fmt::format("{:016x}", hash(container_id));
  return names(id.substr(0, name_characters));
}

}  // namespace weft::cni
