#pragma once
/// What is in the kernel's nftables.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/netlink/message.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/nft/set.hpp>
#include <weft/nft/table.hpp>
#include <weft/result.hpp>

struct nftnl_rule;

namespace weft::nft {

/// A rule that is in the kernel.
struct ReadRule {
  std::string chain;
  std::string comment;
  std::uint64_t packets = 0;  ///< of its counter; 0 without one
  bool operator==(const ReadRule&) const = default;
};

/// A base chain that is in the kernel.
struct ReadChain {
  std::string name;
  std::uint32_t hook = 0;
  std::int32_t priority = 0;
  bool operator==(const ReadChain&) const = default;
};

/// Each reads one table over a NETLINK_NETFILTER socket; empty when there is none of that name.
/// Errors: the kernel's.
[[nodiscard]] Result<std::optional<std::vector<ReadRule>>> read_rules(nl::Socket& socket,
                                                                      const TableName& table);
[[nodiscard]] Result<std::vector<ReadChain>> read_base_chains(nl::Socket& socket,
                                                              const TableName& table);
/// The elements of a set, normalized. `has_ranges`: as Set::has_ranges says.
[[nodiscard]] Result<std::optional<std::vector<Element>>> read_elements(nl::Socket& socket,
                                                                        const TableName& table,
                                                                        std::string_view set,
                                                                        bool has_ranges = false);
/// Its NFT_TABLE_F_ flags: a dormant table is there and does nothing.
[[nodiscard]] Result<std::optional<std::uint32_t>> read_flags(nl::Socket& socket,
                                                              const TableName& table);

/// A flowtable: connections that it knows pass its devices without meeting the forward hook.
struct ReadFlowtable {
  std::string table;
  std::string name;
  std::vector<std::string> devices;
  bool operator==(const ReadFlowtable&) const = default;
};

/// Of every family. Empty where the kernel has none.
[[nodiscard]] Result<std::vector<ReadFlowtable>> read_flowtables(nl::Socket& socket);

/// The comment that the nft tool, and we, write into the user data of a rule of libnftnl.
[[nodiscard]] std::string comment_of(const nftnl_rule& rule);

/// A request for what is in `family`. `type`: NFT_MSG_GETRULE, ...; `flags`: NLM_F_DUMP or 0.
[[nodiscard]] nl::Message query(Family family, std::uint16_t type, std::uint16_t flags);

/// The kernel has nothing of that name.
[[nodiscard]] bool is_absent(const Error& error) noexcept;

}  // namespace weft::nft
