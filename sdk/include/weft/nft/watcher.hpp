#pragma once
/// Notices when anyone else changes nftables.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <weft/function.hpp>
#include <weft/netlink/watcher.hpp>
#include <weft/result.hpp>

#include <weft/nft/table.hpp>

namespace weft::nft {

/// A change in a table that someone made.
struct Change {
  std::string table;
  std::uint32_t port = 0;  ///< of the netlink socket that made it
  Family family = Family::ip;

  [[nodiscard]] bool is_in(const TableName& name) const noexcept {
    return TableName(table, family) == name;
  }
  bool operator==(const Change&) const = default;
};

/// What marks the notifications of changes made through `socket` (Change::port).
[[nodiscard]] Result<std::uint32_t> port_of(const nl::Socket& socket);

/// Reads a notification; empty for families we have no tables in, and for what has no table.
[[nodiscard]] std::optional<Change> parse_change(const nlmsghdr& message);

/// Receives the notifications of NFNLGRP_NFTABLES on an event loop. Used and destroyed on that
/// loop's thread; no handler runs after its destructor returned.
class Watcher {
 public:
  using Handler = UniqueFunction<void(const Change&)>;

  /// `on_lost` is called when notifications were lost: everything may have changed.
  [[nodiscard]] static Result<std::unique_ptr<Watcher>> open(Loop& loop, Handler on_change,
                                                             Task on_lost);

 private:
  explicit Watcher(nl::Watcher notifications) : notifications_(std::move(notifications)) {}

  nl::Watcher notifications_;
};

}  // namespace weft::nft
