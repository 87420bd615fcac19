/// Lookups and the saved list.

#include "gossip/direct_peers.hpp"

#include <utility>

#include <fmt/core.h>

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

DirectPeers::DirectPeers(Loop& loop, Transport& transport, Log& log, ConnectionMaker& maker,
                         Task changed)
    : loop_(loop), transport_(transport), log_(log), maker_(maker), changed_(std::move(changed)) {}

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
  look_up_missing();
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
    } else if (peer->address) {
      request.usable.push_back(*std::move(peer));
    } else {
      ++request.lookups;
      look_up(peer->host, [this, id, peer = *peer](auto found) mutable {
        on_requested(id, std::move(peer), std::move(found));
      });
    }
  }
  finish(id);
}

void DirectPeers::forget(const std::vector<std::string>& texts) {
  maker_.forget_direct(texts);
  changed_();
}

/// A finished lookup is destroyed on the next turn: its callback is what is running.
void DirectPeers::look_up(const std::string& host, Found found) {
  const LookupId id = next_id_++;
  lookups_.emplace(id, nullptr);
  auto pending = transport_.resolve(host, [this, id, found = std::move(found)](
                                              Result<std::vector<net::IpAddress>> answer) mutable {
    if (answer && answer->empty()) {
      answer = fail(Errc::not_found, "find an address");
    }
    loop_.post([lookup = std::move(lookups_.extract(id).mapped())] {});
    found(std::move(answer));
  });
  if (const auto at = lookups_.find(id); at != lookups_.end()) {
    at->second = std::move(pending);
  }
}

void DirectPeers::look_up_configured(const std::string& text) {
  look_up(maker_.direct_peers().at(text).host, [this, text](auto found) {
    if (found) {
      maker_.set_address(text, found->front());
      changed_();
      return;
    }
    log_.warn("peer's name not found, will try again", "peer", text, "reason", found.error());
    if (!retry_.is_set()) {
      retry_ = loop_.after(lookup_retry, [this] { look_up_missing(); });
    }
  });
}

void DirectPeers::look_up_missing() {
  retry_.cancel();
  for (const auto& [text, peer] : maker_.direct_peers()) {
    if (!peer.address) {
      look_up_configured(text);
    }
  }
}

void DirectPeers::on_requested(std::uint64_t request, DirectPeer peer,
                               Result<std::vector<net::IpAddress>> found) {
  Request& asked = requests_.at(request);
  if (found) {
    peer.address = found->front();
    asked.usable.push_back(std::move(peer));
  } else {
    append_line(asked.errors, fmt::format("look up '{}'", peer.host));
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
  changed_();
  if (done.errors.empty()) {
    done.reply({});
  } else {
    done.errors.pop_back();
    done.reply(fail(Errc::invalid, std::move(done.errors)));
  }
}

}  // namespace weft::gossip
