/// Changes of the list, and the list as it is saved.

#include "gossip/direct_peers.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace weft::gossip {
namespace {

constexpr std::string_view format = "weft direct peers 1";

void append_line(std::string& text, std::string_view line) {
  text += line;
  text += '\n';
}

}  // namespace

Bytes encode_saved_peers(const SavedPeers& saved) {
  std::string text;
  append_line(text, format);
  for (const std::string& peer : saved.configured) {
    append_line(text, "configured " + peer);
  }
  for (const std::string& peer : saved.current) {
    append_line(text, "current " + peer);
  }
  const ByteView octets = as_bytes(text);
  return {octets.begin(), octets.end()};
}

std::optional<SavedPeers> decode_saved_peers(ByteView octets) {
  std::string_view rest = as_text(octets);
  const auto next_line = [&rest] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    return line;
  };
  if (next_line() != format) {
    return std::nullopt;
  }
  SavedPeers saved;
  while (!rest.empty()) {
    const std::string_view line = next_line();
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string peer(line.substr(space + 1));
    (line.substr(0, space) == "current" ? saved.current : saved.configured).push_back(peer);
  }
  return saved;
}

DirectPeers::DirectPeers(Loop& loop, Transport& transport, Log& log, Metrics& metrics,
                         ConnectionMaker& maker, Task changed)
    : loop_(loop),
      log_(log),
      maker_(maker),
      changed_(std::move(changed)),
      names_(loop, transport, log, metrics, [this](const std::string& host) {
        maker_.set_addresses(host, names_.find(host)->addresses);
        changed_();
      }) {}

void DirectPeers::add_configured(const std::vector<std::string>& texts) {
  std::vector<DirectPeer> peers;
  for (const std::string& text : texts) {
    if (auto peer = parse_direct_peer(text)) {
      peers.push_back(*std::move(peer));
    } else {
      log_.error("peer ignored", "reason", peer.error());
    }
  }
  maker_.add_direct(std::move(peers), false, loop_.now());
  use_names();
  changed_();
}

void DirectPeers::connect(const std::vector<std::string>& texts, bool replace, Reply<> reply) {
  const std::uint64_t id = next_id_++;
  Request& request =
      requests_.emplace(id, Request{{}, {}, 1, replace, std::move(reply)}).first->second;
  for (const std::string& text : texts) {
    auto peer = parse_direct_peer(text);
    if (!peer) {
      append_line(request.errors, peer.error().context);
    } else if (!peer->is_name) {
      request.usable.push_back(*std::move(peer));
    } else {
      ++request.lookups;
      names_.look_up(peer->host, [this, id, peer = *peer](const auto& found) mutable {
        on_requested(id, std::move(peer), found);
      });
    }
  }
  finish(id);
}

Result<> DirectPeers::forget(const std::vector<std::string>& texts) {
  const std::vector<std::string> unknown = maker_.forget_direct(texts);
  use_names();
  changed_();
  if (unknown.empty()) {
    return {};
  }
  std::vector<std::string_view> known;
  for (const auto& [text, peer] : maker_.direct_peers()) {
    known.push_back(text);
  }
  return fail(Errc::not_found,
              fmt::format("forget '{}': this node was not told to connect to it, but to {}",
                          fmt::join(unknown, "', '"),
                          known.empty() ? "nobody" : fmt::format("{}", fmt::join(known, ", "))));
}

void DirectPeers::on_unreachable(const net::IpAddress& address) {
  for (const auto& [text, peer] : maker_.direct_peers()) {
    if (peer.is_name && std::ranges::find(peer.addresses, address) != peer.addresses.end()) {
      names_.doubt(peer.host);
    }
  }
}

/// After the list changed: keeps the names in it looked up, and uses what is known of them.
void DirectPeers::use_names() {
  std::set<std::string> hosts;
  for (const auto& [text, peer] : maker_.direct_peers()) {
    if (peer.is_name) {
      hosts.insert(peer.host);
    }
  }
  names_.keep(hosts);
  for (const std::string& host : hosts) {
    if (const auto& addresses = names_.find(host)->addresses; !addresses.empty()) {
      maker_.set_addresses(host, addresses);
    }
  }
}

void DirectPeers::on_requested(std::uint64_t request, DirectPeer peer,
                               const Result<std::vector<net::IpAddress>>& found) {
  Request& asked = requests_.at(request);
  if (found) {
    peer.addresses = *found;
    asked.usable.push_back(std::move(peer));
  } else {
    append_line(asked.errors, found.error().context);
  }
  finish(request);
}

void DirectPeers::finish(std::uint64_t request) {
  Request& asked = requests_.at(request);
  if (--asked.lookups != 0) {
    return;
  }
  Request done = std::move(requests_.extract(request).mapped());
  maker_.add_direct(std::move(done.usable), done.replace, loop_.now());
  use_names();
  changed_();
  if (done.errors.empty()) {
    done.reply({});
  } else {
    done.errors.pop_back();
    done.reply(fail(Errc::invalid, std::move(done.errors)));
  }
}

}  // namespace weft::gossip
