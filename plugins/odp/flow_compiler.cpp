/// A decision about a flow becomes actions of the kernel.

#include "flow_compiler.hpp"

#include <algorithm>

#include <weft/net/headers.hpp>

namespace weft::odp {

using Certainty = FlowDecision::Certainty;

Verdict FlowCompiler::plan(const FlowKey& key) const {
  if (ports_.router != 0 && key.in_port == ports_.router && !key.macs && !key.tunnel) {
    return {Certainty::settled, Actions{Output{ports_.bridge}}};
  }
  if (!key.tunnel) {
    if (ports_.bridge == 0) {
      return {};
    }
    const bool is_ours = key.in_port == ports_.bridge && key.macs;
    return is_ours ? compile(key, planner_.captured(key.macs->source, key.macs->destination))
                   : Verdict{Certainty::refuted, std::nullopt};
  }
  const PeerName origin = view_->ids.peer(fastdp::source_of(key.tunnel->id));
  const PeerName destination = view_->ids.peer(fastdp::destination_of(key.tunnel->id));
  if (origin == PeerName{} || destination == PeerName{} ||
      !view_->believes(key.in_port, *key.tunnel)) {
    return {};  // the peer may come back, with its id
  }
  // Relayed flows match any frame, ours do not.
  if ((destination == self_) != key.macs.has_value()) {
    return {Certainty::refuted, std::nullopt};
  }
  const MacPair macs = key.macs.value_or(MacPair{});
  return compile(key, planner_.received(origin, destination, macs.source, macs.destination));
}

Verdict FlowCompiler::compile(const FlowKey& key, const FlowDecision& decision) const {
  Verdict verdict{decision.certainty, std::nullopt};
  if (decision.certainty != Certainty::settled) {
    return verdict;
  }
  if (decision.is_delivered && ports_.bridge == 0) {
    return {};  // the bridge has not joined yet
  }
  verdict.actions.emplace();
  if (decision.is_delivered) {
    verdict.actions->push_back(Output{ports_.bridge});
  }
  if (!add_hops(key, decision, verdict)) {
    // The lanes get the frames as they are, whole segments: for another overlay, or to be measured.
    const bool has_way = !key.tunnel && ports_.router != 0;
    verdict.actions = has_way ? std::optional(Actions{Output{ports_.router}}) : std::nullopt;
  }
  return verdict;
}

bool FlowCompiler::add_hops(const FlowKey& key, const FlowDecision& decision,
                            Verdict& verdict) const {
  const auto from = view_->ids.id(decision.origin);
  std::uint32_t mtu = ports_.mtu;
  for (const FlowHop& hop : decision.hops) {
    const auto output = output_for_(hop);
    const auto to = view_->ids.id(hop.destination);
    if (!output || !from || !to) {
      return false;
    }
    const Tunnel tunnel{fastdp::tunnel_id(*from, *to), output->tunnel.source,
                        output->tunnel.destination};
    if (key.tunnel && tunnel.id == key.tunnel->id && tunnel.destination == key.tunnel->source) {
      // Source: weaveworks/weave router/fastdp.go, isHairpinFlow. It drops until routes change.
      verdict.is_hairpin = true;
      continue;
    }
    verdict.actions->push_back(SetTunnel{tunnel});
    verdict.actions->push_back(Output{output->port});
    mtu = std::min(mtu, output->mtu);
  }
  if (mtu == ports_.mtu) {
    return true;
  }
  if (!ports_.upcall) {
    return false;
  }
  const auto max_bytes = static_cast<std::uint16_t>(mtu + net::ethernet_header_bytes);
  verdict.actions->insert(verdict.actions->begin(), CheckLength{max_bytes, *ports_.upcall});
  return true;
}

std::optional<MacSighting> FlowCompiler::sighting(const FlowKey& key) const {
  if (!key.macs) {
    return std::nullopt;
  }
  if (!key.tunnel) {
    return MacSighting{key.macs->source, self_};
  }
  const PeerName origin = view_->ids.peer(fastdp::source_of(key.tunnel->id));
  return origin == PeerName{} ? std::nullopt : std::optional(MacSighting{key.macs->source, origin});
}

}  // namespace weft::odp
