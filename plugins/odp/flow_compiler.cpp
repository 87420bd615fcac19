/// From what the dataplane would do with a flow to what the kernel can do by itself.

#include <algorithm>

#include "fastdp.hpp"

namespace weft::odp {

using Certainty = FlowDecision::Certainty;

Verdict Fastdp::plan(const FlowKey& key) {
  if (router_ != 0 && key.in_port == router_ && !key.macs && !key.tunnel) {
    return {Certainty::settled, Actions{Output{bridge_}}};
  }
  if (!key.tunnel) {
    if (bridge_ == 0) {
      return {};
    }
    const bool is_ours = key.in_port == bridge_ && key.macs;
    return is_ours ? compile(key, node_.planner.captured(key.macs->source, key.macs->destination))
                   : Verdict{Certainty::refuted, std::nullopt};
  }
  const PeerName origin = ids_.peer(source_of(key.tunnel->id));
  const PeerName destination = ids_.peer(destination_of(key.tunnel->id));
  if (origin == PeerName{} || destination == PeerName{} ||
      !view_.owner()->believes(key.in_port, *key.tunnel)) {
    return {};  // the peer may come back, with its id
  }
  // Relayed flows match any frame, ours do not.
  if ((destination == node_.self) != key.macs.has_value()) {
    return {Certainty::refuted, std::nullopt};
  }
  const MacPair macs = key.macs.value_or(MacPair{});
  return compile(key, node_.planner.received(origin, destination, macs.source, macs.destination));
}

Verdict Fastdp::compile(const FlowKey& key, const FlowDecision& decision) {
  Verdict verdict{decision.certainty, std::nullopt};
  if (decision.certainty != Certainty::settled) {
    return verdict;
  }
  if (decision.is_delivered && bridge_ == 0) {
    return {};  // the bridge has not joined yet
  }
  verdict.actions.emplace();
  if (decision.is_delivered) {
    verdict.actions->push_back(Output{bridge_});
  }
  if (!add_hops(key, decision, verdict)) {
    // The lanes get the frames as they are, whole segments: for another overlay, or to be measured.
    const bool has_way = !key.tunnel && router_ != 0;
    verdict.actions = has_way ? std::optional(Actions{Output{router_}}) : std::nullopt;
  }
  return verdict;
}

std::optional<TunnelOutput> Fastdp::output_for(const FlowHop& hop) const {
  const auto session = sessions_.find(hop.forwarder.get());
  const bool is_direct = session != nullptr && session->link().remote == hop.destination;
  if (!is_direct) {
    const auto direct = lingering_.find(hop.destination);
    if (direct != lingering_.end() && node_.loop.now() < direct->second.until) {
      return direct->second.output;
    }
  }
  return session != nullptr ? session->output() : std::nullopt;
}

bool Fastdp::add_hops(const FlowKey& key, const FlowDecision& decision, Verdict& verdict) const {
  const auto from = ids_.id(decision.origin);
  std::uint32_t mtu = mtu_;
  for (const FlowHop& hop : decision.hops) {
    const auto output = output_for(hop);
    const auto to = ids_.id(hop.destination);
    if (!output || !from || !to) {
      return false;
    }
    const Tunnel tunnel{tunnel_id(*from, *to), output->tunnel.source, output->tunnel.destination};
    if (key.tunnel && tunnel.id == key.tunnel->id && tunnel.destination == key.tunnel->source) {
      // Source: weaveworks/weave router/fastdp.go, isHairpinFlow. It drops until routes change.
      verdict.is_hairpin = true;
      continue;
    }
    verdict.actions->push_back(SetTunnel{tunnel});
    verdict.actions->push_back(Output{output->port});
    mtu = std::min(mtu, output->mtu);
  }
  if (mtu < mtu_) {
    const auto max_bytes = static_cast<std::uint16_t>(mtu + ethernet_bytes);
    verdict.actions->insert(verdict.actions->begin(),
                            CheckLength{max_bytes, kernel_->upcall_port()});
  }
  return mtu == mtu_ || kernel_->can_check_length();
}

std::optional<MacSighting> Fastdp::sighting(const FlowKey& key) const {
  if (!key.macs) {
    return std::nullopt;
  }
  if (!key.tunnel) {
    return MacSighting{key.macs->source, node_.self};
  }
  const PeerName origin = ids_.peer(source_of(key.tunnel->id));
  return origin == PeerName{} ? std::nullopt : std::optional(MacSighting{key.macs->source, origin});
}

}  // namespace weft::odp
