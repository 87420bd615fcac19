#pragma once
/// A cluster on one machine: nodes and pods are network namespaces, the network between the nodes
/// is a Linux bridge, the daemon and the CNI program are the real ones. Needs root.

#include <map>
#include <string>
#include <vector>

#include "plan.hpp"
#include "process.hpp"

namespace weft::lab {

struct LabPod {
  std::string name;
  std::string node;
  std::string address;  ///< "10.32.0.1/12"
};

/// A lab that may or may not be up. Commands come from the operator one at a time; each asks the
/// kernel what is there rather than remembering it. Everything blocks.
class Lab {
 public:
  /// A lab to be made. Errors: as plan_lab and find_programs.
  [[nodiscard]] static Result<Lab> create(const LabOptions& options);
  /// One that is up. Errors: Errc::not_found.
  [[nodiscard]] static Result<Lab> open(const std::string& name, bool verbose);

  /// Makes it and waits until every node is connected to every other. After an error, or when
  /// interrupted, what was made is still there: call down. Errors: Errc::conflict when it is up.
  [[nodiscard]] Result<> up();
  /// Removes every trace. Safe at any time, also when `up` ended half-way. Reports the first error
  /// but goes on.
  [[nodiscard]] static Result<> down(const std::string& name, bool verbose);

  /// Runs weft-cni on the node, as a container runtime does.
  [[nodiscard]] Result<LabPod> add_pod(const std::string& pod, const std::string& node);
  [[nodiscard]] Result<> remove_pod(const std::string& pod);
  [[nodiscard]] Result<std::vector<LabPod>> pods() const;

  /// Drops IP packets from one node to another, ARP apart, as a firewall between them would; also
  /// back unless `one_way`. Errors: Errc::not_found.
  [[nodiscard]] Result<> cut(const std::string& from, const std::string& to, bool one_way);
  [[nodiscard]] Result<> heal();
  /// Packets that cuts have dropped. Errors: Errc::not_found when nothing is cut.
  [[nodiscard]] Result<std::uint64_t> cut_packets() const;

  /// Starts the daemon of a node.
  [[nodiscard]] Result<> start_node(const LabNode& node);
  /// Waits until every node has an established connection and a route to every other.
  [[nodiscard]] Result<> wait_connected(std::chrono::milliseconds timeout);

  /// What the node answers to a control command, as JSON text.
  [[nodiscard]] Result<std::string> ask(const LabNode& node, std::string_view command) const;

  /// "weft-lab-node1" or "weft-lab-pod-web". Errors: Errc::not_found.
  [[nodiscard]] Result<std::string> netns_of(const std::string& target) const;
  /// Runs a command in a node's or pod's network namespace.
  [[nodiscard]] Result<std::string> run_in(const std::string& netns, Arguments argv) const;
  /// The command line that does so.
  [[nodiscard]] static Arguments inside(const std::string& netns, Arguments argv);

  [[nodiscard]] const LabPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const LabPrograms& programs() const noexcept { return programs_; }
  [[nodiscard]] bool is_verbose() const noexcept { return options_.verbose; }
  [[nodiscard]] bool is_encrypted() const noexcept {
    return !options_.password.empty() || !options_.password_file.empty();
  }

 private:
  Lab(LabOptions options, LabPlan plan, LabPrograms programs);

  struct Progress {
    std::string starting;         ///< a plugin that has not come to its start's end, or empty
    std::size_t established = 0;  ///< connections
    std::size_t routes = 0;       ///< to peers, this node itself included
  };
  [[nodiscard]] Result<Progress> connection_progress(const LabNode& node) const;
  /// Removes namespaces and whatever runs in them. Reports the first error but goes on.
  [[nodiscard]] static Result<> remove_netns(const std::vector<std::string>& namespaces,
                                             bool verbose);
  [[nodiscard]] Result<> make_underlay();
  [[nodiscard]] Result<> make_node(const LabNode& node);
  [[nodiscard]] Result<> write_files() const;
  /// The file with the cluster's password, or "".
  [[nodiscard]] Result<std::string> prepare_password() const;
  [[nodiscard]] Result<> add_netns(const std::string& netns);
  [[nodiscard]] Result<> set_sysctl(const std::string& netns, const std::string& setting);
  [[nodiscard]] Result<> ip(const std::string& netns, Arguments arguments);
  [[nodiscard]] Result<std::string> cni(const std::string& action, const std::string& pod,
                                        const LabNode& node);

  /// The reason in the log of a daemon of ours that ended, if one did.
  [[nodiscard]] Result<> check_daemons();

  LabOptions options_;
  LabPlan plan_;
  LabPrograms programs_;
  std::map<std::string, pid_t> daemons_;  ///< started by this object, by node
};

}  // namespace weft::lab
