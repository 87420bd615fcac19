/// Formats what the allocator knows, and reads the parameters of commands.

#include "status.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pages.hpp"

namespace weft::ipam {

namespace {

using Json = nlohmann::ordered_json;

/// Weave Net never fills an empty list.
Json or_null(Json list) {
  return list.empty() ? Json(nullptr) : list;
}

Json vote_json(const std::optional<VoteStatus>& vote) {
  if (!vote) {
    return nullptr;
  }
  return {
      {"Elector", vote->is_elector}, {"KnownNodes", vote->known_nodes}, {"Quorum", vote->quorum}};
}

Json entries_json(const Allocator& allocator, IsKnown& is_known) {
  const RingState& ring = allocator.ring().state();
  auto list = Json::array();
  for (std::size_t i = 0; i < ring.entries.size(); ++i) {
    const RingEntry& entry = ring.entries[i];
    const auto nickname = allocator.nicknames().find(entry.peer);
    for (const AddressRange range : ring.ranges(entry.token, ring.token_after(i))) {
      list.push_back({{"Token", address_text(range.start)},
                      {"Size", range.size()},
                      {"Peer", to_string(entry.peer)},
                      {"Nickname", nickname == allocator.nicknames().end() ? "" : nickname->second},
                      {"IsKnownPeer", is_known(entry.peer)},
                      {"Version", entry.version}});
    }
  }
  return or_null(std::move(list));
}

std::string_view kind_text(Fence::Kind kind) {
  return kind == Fence::Kind::taken ? "taken over" : "heard of";
}

/// Ranges of this node that it does not use yet. Weave Net's report has no such list.
Json fences_json(const Allocator& allocator) {
  auto list = Json::array();
  for (const Fence& fence : allocator.fences().all()) {
    if (fence.is_closed()) {
      list.push_back({{"Range", to_string(fence.range)},
                      {"From", to_string(fence.from)},
                      {"How", kind_text(fence.kind)}});
    }
  }
  return list;
}

/// Foreign text may not be UTF-8.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The IPAM object of Weave Net's report. Source: weaveworks/weave ipam/status.go, Status.
Json report(const Allocator& allocator, const Allocator::Status& status,
            const net::Cidr& default_subnet, IsKnown& is_known) {
  auto claims = Json::array();
  for (const auto& pending : status.pending_claims) {
    claims.push_back({{"Ident", pending.owner},
                      {"CIDR",
                       {{"Addr", net::to_string(pending.address.address)},
                        {"PrefixLen", pending.address.prefix_length}}}});
  }
  auto allocations = Json::array();
  for (const auto& pending : status.pending_allocations) {
    allocations.push_back(fmt::format("{} {}", pending.owner, net::to_string(pending.subnet)));
  }
  return {{"Paxos", vote_json(status.vote)},
          {"Range", net::to_string(status.universe)},
          {"RangeNumIPs", range_of(status.universe).size()},
          {"ActiveIPs", status.active},
          {"DefaultSubnet", net::to_string(default_subnet)},
          {"Entries", entries_json(allocator, is_known)},
          {"PendingClaims", or_null(std::move(claims))},
          {"PendingAllocates", or_null(std::move(allocations))}};
}

Json whole_status(const Allocator& allocator, const net::Cidr& default_subnet,
                  const std::vector<std::string>& warnings, IsKnown& is_known) {
  const Allocator::Status status = allocator.status();
  Json report = ipam::report(allocator, status, default_subnet, is_known);
  if (allocator.is_exhausted(default_subnet)) {
    report["Exhausted"] = true;
  }
  if (allocator.fences().has_closed()) {
    report["Fenced"] = fences_json(allocator);
  }
  if (status.outbid > 0) {
    report["Outbid"] = status.outbid;
  }
  if (status.refused > 0) {
    report["Refused"] = status.refused;
  }
  if (status.is_searching) {
    report["Searching"] = true;
  }
  if (!warnings.empty()) {
    report["Warnings"] = warnings;
  }
  return report;
}

}  // namespace

std::string report_json(const Allocator& allocator, const net::Cidr& default_subnet,
                        IsKnown is_known) {
  return dump(report(allocator, allocator.status(), default_subnet, is_known));
}

std::string status_json(const Allocator& allocator, const net::Cidr& default_subnet,
                        const std::vector<std::string>& warnings, IsKnown is_known) {
  return dump(whole_status(allocator, default_subnet, warnings, is_known));
}

std::string summary_page(const Allocator& allocator, const net::Cidr& default_subnet,
                         const std::vector<std::string>& warnings, IsKnown is_known) {
  return summary_lines(whole_status(allocator, default_subnet, warnings, is_known));
}

std::string shares_page(const Allocator& allocator, const net::Cidr& default_subnet, PeerName self,
                        IsKnown is_known) {
  return shares_lines(whole_status(allocator, default_subnet, {}, is_known), to_string(self));
}

std::string list_json(const Holdings& holdings) {
  auto owned = Json::array();
  for (const auto& [owner, holding] : holdings) {
    auto addresses = Json::array();
    for (const net::Cidr& address : holding.addresses) {
      addresses.push_back(net::to_string(address));
    }
    owned.push_back({{"containerid", owner}, {"addrs", std::move(addresses)}});
  }
  return dump(Json{{"owned", or_null(std::move(owned))}});
}

std::string addresses_json(const std::vector<net::Cidr>& addresses) {
  auto list = Json::array();
  for (const net::Cidr& address : addresses) {
    list.push_back(net::to_string(address));
  }
  return dump(Json{{"addresses", std::move(list)}});
}

std::string take_over_json(PeerName peer, std::uint64_t addresses) {
  return dump(Json{{"peer", to_string(peer)}, {"addresses", addresses}});
}

}  // namespace weft::ipam
