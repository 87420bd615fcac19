/// Works out a lab's names, addresses and configuration files.

#include "plan.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "console/own_path.hpp"

namespace weft::lab {
namespace {

constexpr const char* root_directory = "/run/weft-lab";
constexpr const char* ipv6_prefix = "fd77:6566:7400::";  // unique local, RFC 4193
constexpr const char* outside_address = "198.51.100.1";  // TEST-NET-2, RFC 5737
constexpr std::uint32_t first_node_host = 11;            // node1 is .11, the gateway .1

std::string address_at(const net::Cidr& network, std::uint32_t host) {
  return net::to_string(net::IpAddress::v4(network.address.v4_value() + host));
}

LabNode plan_node(const LabPlan& plan, const net::Cidr& underlay, unsigned number) {
  LabNode node;
  node.number = number;
  node.name = fmt::format("node{}", number);
  node.netns = plan.netns_prefix + node.name;
  node.peer_name = fmt::format("02:00:00:00:99:{:02x}", number);
  node.ipv4 = address_at(underlay, first_node_host + number - 1);
  node.ipv6 = fmt::format("{}{:x}", ipv6_prefix, first_node_host + number - 1);
  node.directory = plan.directory + "/" + node.name;
  node.socket = node.directory + "/weft.sock";
  return node;
}

bool is_plain(std::string_view name, std::size_t longest, std::string_view extra) {
  return !name.empty() && name.size() <= longest &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  extra.find(c) != std::string_view::npos;
         });
}

std::string other_nodes(const LabPlan& plan, const LabNode& self) {
  std::string list;
  for (const LabNode& node : plan.nodes) {
    if (node.number != self.number) {
      list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", node.ipv4);
    }
  }
  return list;
}

}  // namespace

const LabNode* LabPlan::find_node(std::string_view wanted) const {
  for (const LabNode& node : nodes) {
    if (node.name == wanted) {
      return &node;
    }
  }
  return nullptr;
}

std::string LabPlan::pod_netns(std::string_view pod) const {
  return netns_prefix + "pod-" + std::string(pod);
}

std::string LabPlan::pod_record(std::string_view pod) const {
  return directory + "/pods/" + std::string(pod);
}

Result<> check_lab_name(std::string_view name) {
  // No '-', so that no lab's namespace prefix is the beginning of another's.
  if (!is_plain(name, 16, "")) {
    return fail(Errc::invalid, "use lab name '" + std::string(name) +
                                   "': it must be 1 to 16 lower-case letters and digits");
  }
  return {};
}

Result<> check_pod_name(std::string_view name) {
  if (!is_plain(name, 32, "-") || name.starts_with("node")) {
    return fail(Errc::invalid,
                "use pod name '" + std::string(name) +
                    "': it must be 1 to 32 lower-case letters, digits and '-', and not begin with "
                    "'node'");
  }
  return {};
}

Result<LabPlan> plan_lab(const LabOptions& options) {
  WEFT_TRY(check_lab_name(options.name));
  if (options.nodes < 1 || options.nodes > max_lab_nodes) {
    return fail(Errc::invalid,
                fmt::format("make {} nodes: 1 to {} are possible", options.nodes, max_lab_nodes));
  }
  net::Cidr underlay;
  WEFT_TRY(underlay, net::parse_cidr(options.underlay));
  if (!underlay.address.is_v4() || underlay.prefix_length > 26 || underlay.prefix_length < 8 ||
      underlay != underlay.network()) {
    return fail(Errc::invalid, "use underlay '" + options.underlay +
                                   "': it must be an IPv4 network of length 8 to 26");
  }
  if (!is_plain(options.overlay, 64, "-,")) {
    return fail(Errc::invalid,
                "use overlay '" + options.overlay +
                    "': it must be the name of a plugin, or several: \"odp,sleeve\"");
  }
  for (const std::string& file : options.plugins) {
    const std::filesystem::path path(file);
    if (!path.is_absolute() || path.extension() != ".so" ||
        !is_plain(path.stem().string(), 32, "-_") ||
        file.find_first_of("\"\\\n") != std::string::npos) {
      return fail(Errc::invalid,
                  "use plugin '" + file + "': it must be the path of a plugin's file, NAME.so");
    }
  }
  LabPlan plan;
  plan.name = options.name;
  plan.plugins = options.plugins;
  plan.overlay = options.overlay;
  plan.directory = std::string(root_directory) + "/" + options.name;
  plan.netns_prefix = "weft-" + options.name + "-";
  plan.underlay_netns = plan.netns_prefix + "underlay";
  plan.underlay = options.underlay;
  plan.gateway4 = address_at(underlay, 1);
  plan.gateway6 = fmt::format("{}1", ipv6_prefix);
  plan.outside = outside_address;
  plan.underlay_bits = underlay.prefix_length;
  for (unsigned number = 1; number <= options.nodes; ++number) {
    plan.nodes.push_back(plan_node(plan, underlay, number));
  }
  return plan;
}

std::string node_config(const LabPlan& plan, const LabNode& node, const LabPrograms& programs,
                        const std::string& password_file) {
  std::string names;
  std::string places;
  for (const std::string& file : plan.plugins) {
    const std::filesystem::path path(file);
    names += fmt::format(", \"{}\"", path.stem().string());
    places += fmt::format("\"{}\", ", path.parent_path().string());
  }
  std::string overlays = plan.overlay;
  for (std::size_t comma = overlays.find(','); comma != std::string::npos;
       comma = overlays.find(',', comma + 4)) {
    overlays.replace(comma, 1, "\", \"");
  }
  std::string text = fmt::format(
      R"(# {} of lab '{}', written by weft lab up
[host]
plugins = ["gossip", "ipam", "{}", "bridge", "nat-nft", "cni"{}]
plugin-path = [{}"{}"]
state-directory = "{}/state"
run-directory = "{}"
control-socket = "{}"
name = "{}"
nickname = "{}"

[plugin.gossip]
peers = [{}]
)",
      node.name, plan.name, overlays, names, places, programs.plugins, node.directory,
      node.directory, node.socket, node.peer_name, node.name, other_nodes(plan, node));
  if (!password_file.empty()) {
    text += fmt::format("password-file = \"{}\"\n", password_file);
  }
  text += fmt::format("\n[plugin.ipam]\ninit = \"consensus={}\"\n\n[plugin.bridge]\nmtu = 1376\n",
                      plan.nodes.size());
  return text;
}

std::string container_id(const LabPlan& plan, std::string_view pod) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : plan.name + "/" + std::string(pod)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return fmt::format("{:016x}", hash);
}

Result<LabPrograms> find_programs() {
  namespace fs = std::filesystem;
  fs::path self;
  WEFT_TRY(self, console::own_path());
  std::error_code error;
  const fs::path bin = self.parent_path();
  const fs::path root = bin.parent_path();
  const auto first = [&](std::initializer_list<fs::path> candidates,
                         const char* what) -> Result<std::string> {
    for (const fs::path& candidate : candidates) {
      if (fs::exists(candidate, error)) {
        return candidate.string();
      }
    }
    return fail(Errc::not_found, fmt::format("find {} beside {}", what, self.string()));
  };
  LabPrograms programs;
  programs.directory = bin.string();
  WEFT_TRY(programs.daemon, first({bin / "weftd", root / "sbin/weftd"}, "weftd"));
  WEFT_TRY(programs.cni, first({bin / "weft-cni", root / "lib/weft/weft-cni"}, "weft-cni"));
  WEFT_TRY(programs.plugins, first({root / "plugins-out", root / "lib/weft/plugins",
                                    root / "lib/x86_64-linux-gnu/weft/plugins"},
                                   "the plugins"));
  return programs;
}

}  // namespace weft::lab
