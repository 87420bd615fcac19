/// The layout of what host and plugins pass to each other, written down: a change here is a change
/// of the binary contract (docs/plugin/stability.md), also where no ABI tools are at hand.

#include <cstddef>

#include <gtest/gtest.h>
#include <weft/events/address.hpp>
#include <weft/events/peer.hpp>
#include <weft/events/topology.hpp>
#include <weft/plugin.hpp>

namespace weft {
namespace {

#if defined(__x86_64__)
static_assert(sizeof(weft_plugin_v1) == 32 && alignof(weft_plugin_v1) == 8);
static_assert(offsetof(weft_plugin_v1, struct_size) == 0);
static_assert(offsetof(weft_plugin_v1, sdk_major) == 4);
static_assert(offsetof(weft_plugin_v1, sdk_minor) == 6);
static_assert(offsetof(weft_plugin_v1, abi_stamp) == 8);
static_assert(offsetof(weft_plugin_v1, create) == 16);
static_assert(offsetof(weft_plugin_v1, destroy) == 24);
static_assert(sizeof(Frame) == 32 && alignof(Frame) == 8);
static_assert(offsetof(Frame, data) == 0);
static_assert(offsetof(Frame, length) == 8);
static_assert(offsetof(Frame, headroom) == 12);
static_assert(offsetof(Frame, offload) == 16);
static_assert(sizeof(Offload) == 10 && alignof(Offload) == 2);
static_assert(offsetof(Offload, segmentation) == 0);
static_assert(offsetof(Offload, needs_checksum) == 1);
static_assert(offsetof(Offload, header_bytes) == 2);
static_assert(offsetof(Offload, segment_bytes) == 4);
static_assert(offsetof(Offload, checksum_start) == 6);
static_assert(offsetof(Offload, checksum_offset) == 8);
static_assert(sizeof(events::PeerUp) == 48 && alignof(events::PeerUp) == 8);
static_assert(offsetof(events::PeerUp, name) == 0);
static_assert(offsetof(events::PeerUp, nickname) == 8);
static_assert(offsetof(events::PeerUp, short_id) == 40);
static_assert(sizeof(events::PeerDown) == 40 && alignof(events::PeerDown) == 8);
static_assert(offsetof(events::PeerDown, name) == 0);
static_assert(offsetof(events::PeerDown, nickname) == 8);
static_assert(sizeof(events::LocalRangesChanged) == 24 && alignof(events::LocalRangesChanged) == 8);
static_assert(offsetof(events::LocalRangesChanged, ranges) == 0);
static_assert(sizeof(events::RoutesChanged) == 16 && alignof(events::RoutesChanged) == 8);
static_assert(offsetof(events::RoutesChanged, routes) == 0);
static_assert(sizeof(events::TopologyChanged) == 16 && alignof(events::TopologyChanged) == 8);
static_assert(offsetof(events::TopologyChanged, topology) == 0);
static_assert(sizeof(Topology) == 40 && alignof(Topology) == 8);
static_assert(sizeof(Topology::Peer) == 88 && alignof(Topology::Peer) == 8);
static_assert(sizeof(Topology::Connection) == 48 && alignof(Topology::Connection) == 8);
static_assert(sizeof(Routes) == 56 && alignof(Routes) == 8);
static_assert(sizeof(Routes::Unicast) == 16 && alignof(Routes::Unicast) == 8);
static_assert(sizeof(Routes::Broadcast) == 32 && alignof(Routes::Broadcast) == 8);
static_assert(sizeof(net::IpAddress) == 17 && alignof(net::IpAddress) == 1);
static_assert(sizeof(net::Cidr) == 18 && alignof(net::Cidr) == 1);
static_assert(sizeof(net::Endpoint) == 20 && alignof(net::Endpoint) == 2);
static_assert(sizeof(net::Mac) == 6 && alignof(net::Mac) == 1);
static_assert(sizeof(PeerName) == 8 && alignof(PeerName) == 8);
static_assert(sizeof(Error) == 56 && alignof(Error) == 8);
static_assert(sizeof(Result<>) == 64 && alignof(Result<>) == 8);
static_assert(sizeof(Reply<>) == 16 && alignof(Reply<>) == 8);
static_assert(sizeof(UniqueFunction<void()>) == 8 && alignof(UniqueFunction<void()>) == 8);
static_assert(sizeof(Timer) == 8 && alignof(Timer) == 8);
static_assert(sizeof(Subscription) == 8 && alignof(Subscription) == 8);
static_assert(sizeof(LaneRegistration) == 8 && alignof(LaneRegistration) == 8);
static_assert(sizeof(CommandRegistration) == 8 && alignof(CommandRegistration) == 8);
static_assert(sizeof(TopicType) == 56 && alignof(TopicType) == 8);
static_assert(offsetof(TopicType, topic) == 0);
static_assert(offsetof(TopicType, size) == 16);
static_assert(offsetof(TopicType, alignment) == 24);
static_assert(offsetof(TopicType, key) == 32);
static_assert(offsetof(TopicType, text) == 40);
static_assert(offsetof(TopicType, json) == 48);
static_assert(sizeof(ConfigField) == 168 && alignof(ConfigField) == 8);
static_assert(sizeof(Schema) == 24 && alignof(Schema) == 8);
static_assert(sizeof(NodeInfo) == 160 && alignof(NodeInfo) == 8);
static_assert(sizeof(Counter) == 576 && alignof(Counter) == 64);
static_assert(sizeof(Gauge) == 8 && alignof(Gauge) == 8);
static_assert(sizeof(Histogram) == 56 && alignof(Histogram) == 8);
static_assert(sizeof(LogField) == 48 && alignof(LogField) == 8);
#endif

TEST(Layout, AnEventsTopicSaysItsVersion) {
  for (const std::string_view topic :
       {events::PeerUp::topic, events::PeerDown::topic, events::LocalRangesChanged::topic,
        events::RoutesChanged::topic, events::TopologyChanged::topic}) {
    EXPECT_NE(topic.find('/'), std::string_view::npos) << topic;
  }
}

}  // namespace
}  // namespace weft
