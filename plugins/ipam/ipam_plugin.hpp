#pragma once
/// The plugin: connects the allocator to the mesh, the store, the bus and the control socket.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/events/peer.hpp>
#include <weft/plugin.hpp>
#include <weft/service/ipam.hpp>
#include <weft/service/mesh.hpp>
#include <weft/service/store.hpp>

#include "ipam/allocator.hpp"
#include "ipam/command_parameters.hpp"
#include "ipam/found_pods.hpp"
#include "ipam/node_address.hpp"
#include "ipam/status.hpp"

namespace weft::ipam {

/// Provides weft.ipam/2. Requests that come before the stored state is read wait for it. Everything
/// runs on the plugin's loop; calls of the service are posted there.
class IpamPlugin final : public Plugin, public Ipam, private GossipHandler, private Surroundings {
 public:
  explicit IpamPlugin(Host& host)
      : host_(host), found_pods_(host.log()), node_address_(host.loop(), host.log()) {}

  void describe(Schema& schema) override;
  [[nodiscard]] Result<> validate() override;
  [[nodiscard]] Result<> start() override;
  void stop() noexcept override;

  void allocate(AddressOwner owner, std::vector<net::Cidr> subnets,
                Reply<std::vector<AllocatedAddress>> reply) override;
  void claim(AddressOwner owner, net::Cidr address, Reply<> reply) override;
  void release(AddressOwner owner, Reply<> reply) override;
  void release_addresses(AddressOwner owner, std::vector<net::IpAddress> addresses,
                         Reply<> reply) override;
  void lookup(AddressOwner owner, Reply<std::vector<net::Cidr>> reply) override;

 private:
  Result<> on_unicast(PeerName source, ByteView payload) override;
  Result<std::optional<Bytes>> on_broadcast(PeerName originator, ByteView payload) override;
  Result<std::optional<Bytes>> on_gossip(ByteView payload) override;
  Bytes complete_state() override;

  WallTime wall_now() const override { return host_.loop().wall_now(); }
  TimePoint now() const override { return host_.loop().now(); }
  double random_unit() override { return weft::random_unit(host_.loop()); }
  Timer after(Duration delay, Task task) override;
  void unicast(PeerName to, Bytes payload, Answer<> sent) override;
  void broadcast_state() override;
  void save(const RingState& ring, const Holdings& holdings, const RingState& fences,
            Answer<> saved) override;
  void publish(std::vector<net::Cidr> local_ranges) override;
  bool is_known(PeerName peer) const override;
  bool is_neighbour(PeerName peer) const override;
  std::size_t direct_peers() const override;
  void count_refused(std::string_view reason, std::size_t times) override;
  void count_outbid(std::size_t entries) override;
  Log& log() override { return host_.log(); }

  [[nodiscard]] Settings settings();
  void use(Mesh* mesh);
  /// Joins the gossip channel once the mesh and the stored state are there.
  void join();
  [[nodiscard]] std::shared_ptr<const Topology> topology() const;
  void use(BridgeV2* bridge);
  void load();
  void look_at_bridge();
  void look_at_pods(UniqueFunction<void(std::vector<BridgePod>)> then);
  void claim_found(const std::vector<BridgePod>& pods);
  /// One of the things that are read at the start is there.
  void arrived();
  void loaded(std::string_view key, Result<std::optional<Bytes>> value);
  [[nodiscard]] Result<> decode_stored(std::string_view key, ByteView value);
  [[nodiscard]] Result<> check_range() const;
  void begin();
  void serve_waiting();
  [[nodiscard]] Result<> serve_commands();
  [[nodiscard]] Result<> serve_exposing();
  [[nodiscard]] Result<> serve_pages();
  [[nodiscard]] std::string status_answer() const;
  /// What an operator should know.
  [[nodiscard]] std::vector<std::string> warnings() const;
  void release_if_unused(ReleaseParameters given, Reply<std::string> answer);
  [[nodiscard]] std::optional<std::string> used_by_pod(const ReleaseParameters& given,
                                                       const std::vector<BridgePod>& pods) const;
  void release_by_command(const ReleaseParameters& given, Reply<std::string> answer);
  /// Serves a command once the stored state and what pods have is known.
  template <class Parameters, class Handler>
  [[nodiscard]] Result<> serve(CommandInfo info, Handler handler);
  /// Runs `task` on the loop once the stored state and what pods have is known.
  void when_ready(Task task);
  void count();

  Host& host_;
  net::Cidr range_{net::IpAddress::v4(0x0A200000), 12};
  std::string default_subnet_text_;
  std::string init_text_ = "consensus";
  std::chrono::milliseconds allocate_timeout_{30'000};
  bool wants_address_ = true;

  net::Cidr default_subnet_;  // this and the next: from the texts, by validate()
  InitMode init_;
  Mesh* mesh_ = nullptr;                       // null while none runs
  std::shared_ptr<const Topology> last_seen_;  // the mesh's view before it went
  Store* store_ = nullptr;
  BridgeV2* bridge_ = nullptr;  // null while none runs
  Stored stored_;
  std::vector<net::Cidr> on_bridge_;  // at the start
  std::vector<BridgePod> pods_;       // likewise
  std::size_t to_arrive_ = 0;         // of what is read at the start
  std::unique_ptr<Allocator> allocator_;
  FoundPods found_pods_;
  NodeAddress node_address_;
  bool is_ready_ = false;
  bool is_looking_ = false;  // at the pods of a bridge that came later
  bool is_stopped_ = false;
  std::vector<Task> waiting_;  // requests that came before the stored state

  std::unique_ptr<GossipChannel> channel_;
  std::vector<CommandRegistration> commands_;
  Timer count_timer_;
  Subscription lost_peers_;
  Subscription bridge_addresses_;
  Following following_mesh_;
  Following following_bridge_;
};

}  // namespace weft::ipam
