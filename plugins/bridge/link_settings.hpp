#pragma once
/// Settings of a bridge and of its ports that decide whether frames pass, as the kernel has them.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::bridge {

/// Numbers by their attribute, IFLA_BR_... or IFLA_BRPORT_...; what this kernel does not know is
/// missing.
using LinkNumbers = std::map<std::uint16_t, std::uint32_t>;

struct LinkSettings {
  LinkNumbers bridge;  ///< of a bridge itself
  LinkNumbers port;    ///< of a port of one
  bool has_arp = true;
};

/// Of an RTM_NEWLINK message.
[[nodiscard]] LinkSettings parse_link_settings(const nlmsghdr& message);
/// Errors: ENODEV.
[[nodiscard]] Result<LinkSettings> read_link_settings(nl::Socket& socket, int index);

[[nodiscard]] Result<> switch_arp_on(nl::Socket& socket, int index);

/// What a setting must be.
struct WantedSetting {
  std::uint16_t attribute = 0;
  std::uint8_t bytes = 1;  ///< of its number: 1 or 4
  std::uint32_t value = 0;
  std::string_view complaint;   ///< what it did, while it was something else, to the router's port
  std::string_view state = {};  ///< what any port has then: "learning off"
};

enum class LinkRole : std::uint8_t { bridge, port };

/// Which of the wanted settings are otherwise.
[[nodiscard]] std::vector<WantedSetting> differing_settings(const LinkSettings& found,
                                                            LinkRole role);

[[nodiscard]] Result<> write_link_setting(nl::Socket& socket, int index, LinkRole role,
                                          const WantedSetting& setting);

}  // namespace weft::bridge
