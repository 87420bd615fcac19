#pragma once
/// The mesh control plane as a plugin: configuration, services, events, commands, persistence.

#include <memory>
#include <string>
#include <vector>

#include <weft/plugin.hpp>
#include <weft/service/overlay.hpp>
#include <weft/service/store.hpp>

#include "gossip/config.hpp"
#include "gossip/engine.hpp"
#include "gossip/mesh_service.hpp"
#include "gossip/status.hpp"

namespace weft::gossip {

class Gossip final : public Plugin, private EngineEvents {
 public:
  explicit Gossip(Host& host);

  void describe(Schema& schema) override { config_.describe(schema); }
  Result<> validate() override { return config_.validate(host_.node().listen.port); }
  Result<> start() override;
  void stop() noexcept override;

 private:
  // EngineEvents
  void on_routes(std::shared_ptr<const Routes> routes) override;
  void on_topology(std::shared_ptr<const Topology> topology) override;
  void on_peer_up(const Topology::Peer& peer) override;
  void on_peer_down(const Topology::Peer& peer) override;
  void on_name_refused(const net::IpAddress& local, const std::string& reason) override;
  void on_name_lost(const net::IpAddress& local) override;
  void on_name_proven(const net::IpAddress& local) override;
  void on_homes(std::string saved) override;
  void on_direct_peers(std::vector<std::string> peers) override;
  void on_direct_addresses(std::vector<net::IpAddress> addresses) override;

  [[nodiscard]] Result<> serve_commands();
  [[nodiscard]] Result<> serve_pages();
  using Query = std::string (*)(const Engine&, Loop&);
  using LongQuery = Report (*)(const Engine&, Loop&);
  [[nodiscard]] Result<> serve_query(CommandInfo info, Query query);
  [[nodiscard]] Result<> serve_report(CommandInfo info, LongQuery report);
  /// A summary or a page: `lines` for people, `json` for programs.
  [[nodiscard]] Result<> serve_page(CommandInfo info, Query lines, Query json);
  [[nodiscard]] Result<> serve_page(CommandInfo info, LongQuery lines, LongQuery json);
  void write_elsewhere(Report report, Reply<std::string> answer);
  [[nodiscard]] Result<> keep(Result<CommandRegistration> served);
  void load_direct_peers();
  void load_proven_name();
  void load_homes();
  /// What is stored of a name that was proven at `local`.
  [[nodiscard]] std::string proof_of(const net::IpAddress& local) const;

  Host& host_;
  Config config_;
  MeshService service_;
  Store* store_ = nullptr;
  std::unique_ptr<Engine> engine_;
  std::string proven_;  // where our name was proven last
  bool is_name_refused_ = false;
  std::shared_ptr<Gossip*> running_;  // null when stopped: late replies see it
  std::vector<CommandRegistration> commands_;
  Following overlays_;
};

}  // namespace weft::gossip
