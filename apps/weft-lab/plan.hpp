#pragma once
/// What a lab consists of: names, addresses, files. Pure; lab.cpp makes it real.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>

namespace weft::lab {

inline constexpr unsigned max_lab_nodes = 32;

struct LabOptions {
  std::string name = "lab";
  unsigned nodes = 3;
  std::string password_file;              ///< empty: no encryption, unless there is a `password`
  std::string password;                   ///< kept in a file that goes with the lab
  std::string underlay = "10.99.0.0/24";  ///< the network between the nodes
  std::string overlay = "sleeve";         ///< plugins that carry frames between nodes, by commas
  std::vector<std::string> plugins;       ///< files of plugins that every node loads besides
  bool verbose = false;                   ///< print every command that is run
};

/// One node: a network namespace with a daemon.
struct LabNode {
  unsigned number;        ///< from 1
  std::string name;       ///< "node1"
  std::string netns;      ///< "weft-lab-node1"
  std::string peer_name;  ///< "02:00:00:00:99:01"
  std::string ipv4;       ///< on the underlay
  std::string ipv6;
  std::string directory;  ///< everything the node keeps
  std::string socket;     ///< its control socket
};

struct LabPlan {
  std::string name;
  std::string directory;     ///< "/run/weft-lab/lab"
  std::string netns_prefix;  ///< "weft-lab-": every namespace of this lab begins so, no other does
  std::string underlay_netns;
  std::string underlay;  ///< the network between the nodes, "10.99.0.0/24"
  std::string gateway4;  ///< the underlay namespace's own address
  std::string gateway6;
  std::string outside;  ///< an address beyond the underlay, for masquerading
  std::uint8_t underlay_bits = 24;
  std::string overlay;               ///< plugins, by commas
  std::vector<std::string> plugins;  ///< absolute paths of those that are loaded besides
  std::vector<LabNode> nodes;

  [[nodiscard]] const LabNode* find_node(std::string_view name) const;
  [[nodiscard]] std::string pod_netns(std::string_view pod) const;
  [[nodiscard]] std::string pod_record(std::string_view pod) const;
};

/// Where a node finds its plugins and a pod its CNI program.
struct LabPrograms {
  std::string daemon;     ///< weftd
  std::string cni;        ///< weft-cni
  std::string plugins;    ///< directory
  std::string directory;  ///< of weft and weft-lab themselves
};

/// Errors: Errc::invalid, naming the option and what it may be.
[[nodiscard]] Result<LabPlan> plan_lab(const LabOptions& options);
/// Pod and lab names become part of namespace and file names. Errors: Errc::invalid.
[[nodiscard]] Result<> check_pod_name(std::string_view name);
[[nodiscard]] Result<> check_lab_name(std::string_view name);

/// The node's weft.toml.
[[nodiscard]] std::string node_config(const LabPlan& plan, const LabNode& node,
                                      const LabPrograms& programs,
                                      const std::string& password_file);

/// The container id under which a pod's address is kept: 16 hex digits that differ between pods,
/// as the first seven of them name its interface.
[[nodiscard]] std::string container_id(const LabPlan& plan, std::string_view pod);

/// The programs of this installation or build, beside the running one.
[[nodiscard]] Result<LabPrograms> find_programs();

}  // namespace weft::lab
