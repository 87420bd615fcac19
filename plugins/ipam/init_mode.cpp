/// Parses the operator's choice of how the ring is first divided.

#include "init_mode.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace weft::ipam {

namespace {

Result<InitMode> parse_consensus(std::string_view count) {
  InitMode mode;
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), mode.peers);
  if (error != std::errc{} || end != count.data() + count.size() || mode.peers == 0) {
    return fail(Errc::invalid,
                fmt::format("read init 'consensus={}': write the number of peers, as in "
                            "\"consensus=3\", or \"consensus\" for those that are configured",
                            count));
  }
  return mode;
}

Result<InitMode> parse_seed(std::string_view names) {
  InitMode mode{InitMode::Kind::seed, 0, {}};
  while (!names.empty()) {
    const auto comma = std::min(names.find(','), names.size());
    const auto peer = parse_peer_name(names.substr(0, comma));
    if (!peer) {
      return fail(Errc::invalid, fmt::format("read init: '{}' is not a peer name; write "
                                             "\"seed=aa:bb:cc:dd:ee:ff,...\"",
                                             names.substr(0, comma)));
    }
    if (std::ranges::find(mode.seeds, *peer) != mode.seeds.end()) {
      return fail(Errc::invalid,
                  fmt::format("read init: \"seed=\" names {} twice; name each peer once",
                              to_string(*peer)));
    }
    mode.seeds.push_back(*peer);
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  if (mode.seeds.empty()) {
    return fail(Errc::invalid, "read init: \"seed=\" needs at least one peer name");
  }
  mode.seeds = in_ring_order(std::move(mode.seeds));
  return mode;
}

}  // namespace

Result<InitMode> parse_init_mode(std::string_view text) {
  constexpr std::string_view consensus = "consensus=";
  constexpr std::string_view seed = "seed=";
  if (text == "consensus") {
    return InitMode{};
  }
  if (text == "observer") {
    return InitMode{InitMode::Kind::observer, 0, {}};
  }
  if (text.starts_with(consensus)) {
    return parse_consensus(text.substr(consensus.size()));
  }
  if (text.starts_with(seed)) {
    return parse_seed(text.substr(seed.size()));
  }
  return fail(Errc::invalid, fmt::format("read init '{}': write \"consensus\", \"consensus=N\", "
                                         "\"seed=NAME,NAME,...\" or \"observer\"",
                                         text));
}

std::vector<PeerName> in_ring_order(std::vector<PeerName> peers) {
  std::ranges::sort(peers);
  const auto repeated = std::ranges::unique(peers);
  peers.erase(repeated.begin(), repeated.end());
  return peers;
}

}  // namespace weft::ipam
