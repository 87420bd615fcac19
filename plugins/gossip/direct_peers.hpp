#pragma once
/// Direct peers from their text to their addresses: names, changes at run time, and what of them
/// survives a restart.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/reply.hpp>
#include <weft/transport.hpp>

#include "gossip/connection_maker.hpp"
#include "gossip/names.hpp"

namespace weft::gossip {

/// The list as it is kept: what was configured when it was written, and what became of it. Changes
/// made at run time hold until the operator edits the configuration.
struct SavedPeers {
  std::vector<std::string> configured;
  std::vector<std::string> current;

  bool operator==(const SavedPeers&) const = default;
};
[[nodiscard]] Bytes encode_saved_peers(const SavedPeers& saved);
/// Anything unreadable gives nothing.
[[nodiscard]] std::optional<SavedPeers> decode_saved_peers(ByteView octets);

/// Used on the mesh's loop only.
class DirectPeers {
 public:
  /// `changed` runs after the maker's list or an address in it changed.
  DirectPeers(Loop& loop, Transport& transport, Log& log, Metrics& metrics, ConnectionMaker& maker,
              Task changed);

  /// From the configuration. Names are looked up again and again, found or not.
  void add_configured(const std::vector<std::string>& texts);
  /// At run time: answers once every name is looked up. Errors: Errc::invalid with all that cannot
  /// be used; the others are added.
  void connect(const std::vector<std::string>& texts, bool replace, Reply<> reply);
  /// Errors: Errc::not_found with all that were not among them; the others are removed.
  [[nodiscard]] Result<> forget(const std::vector<std::string>& texts);
  /// Nobody could be reached at `address`: names that led there are looked up again.
  void on_unreachable(const net::IpAddress& address);

  [[nodiscard]] const Names& names() const noexcept { return names_; }

 private:
  struct Request {
    std::vector<DirectPeer> usable;
    std::string errors;
    std::size_t lookups = 0;
    bool replace = false;
    Reply<> reply;
  };
  void use_names();
  void on_requested(std::uint64_t request, DirectPeer peer,
                    const Result<std::vector<net::IpAddress>>& found);
  void finish(std::uint64_t request);

  Loop& loop_;
  Log& log_;
  ConnectionMaker& maker_;
  Task changed_;
  std::map<std::uint64_t, Request> requests_;
  std::uint64_t next_id_ = 0;
  Names names_;
};

}  // namespace weft::gossip
