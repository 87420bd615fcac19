#pragma once
/// Why peers are refused, here or there, for as long as that lasts: the last end of a connection is
/// often only "reset by peer". Pure.

#include <cstdint>
#include <map>
#include <optional>

#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>

#include "gossip/drop_reason.hpp"

namespace weft::gossip {

/// Whether the reason says what an operator has to change, rather than that a path failed.
[[nodiscard]] constexpr bool is_refusal(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::handshake_refused:
    case DropReason::undecryptable:
    case DropReason::name_collision:
    case DropReason::name_taken:
    case DropReason::name_lost:
    case DropReason::no_common_overlay:
    case DropReason::connection_limit:
    case DropReason::handler_refused:
    case DropReason::refused_by_peer:
      return true;
    default:
      return false;
  }
}

class RefusedPeers {
 public:
  /// Anybody can be refused: beyond, the one refused longest ago is forgotten.
  static constexpr std::size_t max_entries = 64;
  /// Peers try again every 9 minutes at least.
  static constexpr Duration forgotten_after = std::chrono::minutes{10};

  struct Entry {
    DropReason reason{};
    Error error;
    TimePoint since;
    TimePoint last;
  };
  using Entries = std::map<net::IpAddress, Entry>;

  /// Whether this is news: nobody there was refused, or for another reason.
  bool refused(const net::IpAddress& address, DropReason reason, const Error& error, TimePoint now);
  /// A peer there has been connected since `since`. How long it had been refused, if that is over.
  std::optional<Duration> connected(const net::IpAddress& address, TimePoint since);
  /// Forgets those that stayed away.
  void prune(TimePoint now);

  [[nodiscard]] const Entry* find(const net::IpAddress& address) const;
  [[nodiscard]] const Entries& entries() const noexcept { return entries_; }

 private:
  Entries entries_;
};

}  // namespace weft::gossip
