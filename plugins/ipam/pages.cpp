/// Writes lines about the address range.

#include "pages.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <weft/page.hpp>

namespace weft::ipam {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, const char* key) {
  return object.at(key).get<std::string>();
}

/// Of what is there only when it is the case.
bool is_true(const Json& status, const char* key) {
  return status.value(key, false);
}

/// A list of what is there only when there is some.
Json list_of(const Json& status, const char* key) {
  return status.value(key, Json::array());
}

bool is_reachable(const Json& entry) {
  return entry.at("Size").get<std::uint64_t>() > 0 && entry.at("IsKnownPeer").get<bool>();
}

std::string state_of(const Json& status) {
  const Json& entries = status.at("Entries");
  const Json& paxos = status.at("Paxos");
  if (!entries.empty()) {
    if (std::ranges::none_of(entries, is_reachable)) {
      return "all IP ranges owned by unreachable peers - use 'weft rmpeer' if they are dead";
    }
    if (is_true(status, "Exhausted")) {
      return "no free address";
    }
    return status.at("PendingAllocates").empty() ? "ready"
                                                 : "waiting for IP(s) to become available";
  }
  if (is_true(status, "Searching")) {
    return "saved state is lost - waiting for a peer that knows the address ring";
  }
  if (paxos.is_null()) {
    return "idle";
  }
  return paxos.at("Elector").get<bool>() ? fmt::format("awaiting consensus (quorum: {}, known: {})",
                                                       paxos.at("Quorum").get<std::uint64_t>(),
                                                       paxos.at("KnownNodes").get<std::uint64_t>())
                                         : "priming";
}

/// The space and state of one peer, summed over its ranges.
struct Share {
  std::string peer;
  std::string nickname;
  std::uint64_t addresses = 0;
  bool is_reachable = false;
};

std::vector<Share> shares(const Json& entries, std::string_view own_name) {
  std::vector<Share> list;
  for (const Json& entry : entries) {
    const std::string peer = text_of(entry, "Peer");
    auto found = std::ranges::find(list, peer, &Share::peer);
    if (found == list.end()) {
      list.push_back({peer, text_of(entry, "Nickname"), 0, entry.at("IsKnownPeer").get<bool>()});
      found = std::prev(list.end());
    }
    found->addresses += entry.at("Size").get<std::uint64_t>();
  }
  std::ranges::stable_partition(list, [&](const Share& share) { return share.peer == own_name; });
  return list;
}

}  // namespace

std::string summary_lines(const Json& status) {
  PageLines page;
  page.entry("Service", "ipam");
  page.entry("Status", state_of(status));
  page.entry("Range", text_of(status, "Range"));
  page.entry("DefaultSubnet", text_of(status, "DefaultSubnet"));
  for (const Json& warning : list_of(status, "Warnings")) {
    page.entry("Warning", warning.get<std::string>());
  }
  return page.take();
}

std::string shares_lines(const Json& status, std::string_view own_name) {
  const auto total = static_cast<double>(status.at("RangeNumIPs").get<std::uint64_t>());
  PageLines page;
  for (const Share& share : shares(status.at("Entries"), own_name)) {
    std::string note = share.is_reachable ? "" : " - unreachable!";
    if (share.peer == own_name) {
      note = fmt::format(" ({} active)", status.at("ActiveIPs").get<std::uint64_t>());
    }
    page.line("{:<37} {:>8} IPs ({:04.1f}% of total){}", share.peer + "(" + share.nickname + ")",
              share.addresses, static_cast<double>(share.addresses) * 100.0 / total, note);
  }
  if (is_true(status, "Exhausted")) {
    page.line("no free address in {}: every pod has to wait until another one ends",
              text_of(status, "DefaultSubnet"));
  }
  for (const Json& fence : list_of(status, "Fenced")) {
    page.line("{} is not used yet: {} from {}, who may still use it", text_of(fence, "Range"),
              text_of(fence, "How"), text_of(fence, "From"));
  }
  if (const auto outbid = status.value("Outbid", std::uint64_t{0}); outbid > 0) {
    page.line("{} ring entries would have taken addresses from this peer and were outbid", outbid);
  }
  if (const auto refused = status.value("Refused", std::uint64_t{0}); refused > 0) {
    page.line("{} other things that peers told or asked were refused", refused);
  }
  return page.take();
}

}  // namespace weft::ipam
