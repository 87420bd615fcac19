/// The lab's underlay: namespaces, the bridge between them, and cuts in it.

#include <charconv>

#include <fmt/format.h>

#include "lab.hpp"

namespace weft::lab {
namespace {

constexpr const char* bridge = "underlay";
constexpr const char* cut_table = "weft-lab-cut";

/// Replaces nothing that is there, so that a second cut adds to the first.
std::string cut_rules(const std::string& from, const std::string& to, bool one_way) {
  std::string text = fmt::format(
      "add table bridge {0}\n"
      "add chain bridge {0} forward {{ type filter hook forward priority 0; policy accept; }}\n",
      cut_table);
  const auto drop = [&](const std::string& in, const std::string& out) {
    text += fmt::format(
        "add rule bridge {} forward iifname \"{}\" oifname \"{}\" ether type {{ ip, ip6 }} counter "
        "drop\n",
        cut_table, in, out);
  };
  drop(from, to);
  if (!one_way) {
    drop(to, from);
  }
  return text;
}

}  // namespace

Result<> Lab::ip(const std::string& netns, Arguments arguments) {
  Arguments argv{"ip", "-n", netns};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  WEFT_TRY(run_ok({std::move(argv), {}, {}}, is_verbose()));
  return {};
}

Result<> Lab::add_netns(const std::string& netns) {
  WEFT_TRY(run_ok({{"ip", "netns", "add", netns}, {}, {}}, is_verbose()));
  return ip(netns, {"link", "set", "lo", "up"});
}

Result<> Lab::set_sysctl(const std::string& netns, const std::string& setting) {
  WEFT_TRY(run_in(netns, {"sysctl", "-q", "-w", setting}));
  return {};
}

Result<> Lab::make_underlay() {
  const std::string& netns = plan_.underlay_netns;
  WEFT_TRY(add_netns(netns));
  WEFT_TRY(ip(netns, {"link", "add", bridge, "type", "bridge"}));
  WEFT_TRY(ip(netns, {"address", "add", fmt::format("{}/{}", plan_.gateway4, plan_.underlay_bits),
                      "dev", bridge}));
  WEFT_TRY(ip(netns, {"address", "add", plan_.gateway6 + "/64", "dev", bridge, "nodad"}));
  WEFT_TRY(ip(netns, {"link", "set", bridge, "up"}));
  return ip(netns, {"address", "add", plan_.outside + "/32", "dev", "lo"});
}

Result<> Lab::make_node(const LabNode& node) {
  WEFT_TRY(add_netns(node.netns));
  WEFT_TRY(set_sysctl(node.netns, "net.ipv4.ip_forward=1"));
  // The bridge's port is called as the node, which is how cuts find it.
  WEFT_TRY(ip(plan_.underlay_netns, {"link", "add", node.name, "type", "veth", "peer", "name",
                                     "eth0", "netns", node.netns}));
  WEFT_TRY(ip(plan_.underlay_netns, {"link", "set", node.name, "master", bridge, "up"}));
  WEFT_TRY(ip(node.netns, {"address", "add", fmt::format("{}/{}", node.ipv4, plan_.underlay_bits),
                           "dev", "eth0"}));
  WEFT_TRY(ip(node.netns, {"address", "add", node.ipv6 + "/64", "dev", "eth0", "nodad"}));
  WEFT_TRY(ip(node.netns, {"link", "set", "eth0", "up"}));
  WEFT_TRY(ip(node.netns, {"route", "add", "default", "via", plan_.gateway4}));
  return ip(node.netns, {"-6", "route", "add", "default", "via", plan_.gateway6});
}

Result<> Lab::cut(const std::string& from, const std::string& to, bool one_way) {
  for (const std::string& name : {from, to}) {
    if (plan_.find_node(name) == nullptr) {
      return fail(Errc::not_found,
                  "cut '" + name + "': it is not a node of lab '" + plan_.name + "'");
    }
  }
  WEFT_TRY(
      run_ok({inside(plan_.underlay_netns, {"nft", "-f", "-"}), cut_rules(from, to, one_way), {}},
             is_verbose()));
  return {};
}

Result<> Lab::heal() {
  // Adding it first makes the delete succeed whether or not something was cut.
  const std::string rules =
      fmt::format("add table bridge {0}\ndelete table bridge {0}\n", cut_table);
  WEFT_TRY(run_ok({inside(plan_.underlay_netns, {"nft", "-f", "-"}), rules, {}}, is_verbose()));
  return {};
}

Result<std::uint64_t> Lab::cut_packets() const {
  std::string text;
  WEFT_TRY(text, run_in(plan_.underlay_netns, {"nft", "list", "table", "bridge", cut_table}));
  constexpr std::string_view label = "counter packets ";
  std::uint64_t total = 0;
  for (std::size_t at = text.find(label); at != std::string::npos; at = text.find(label, at + 1)) {
    std::uint64_t packets = 0;
    std::from_chars(text.data() + at + label.size(), text.data() + text.size(), packets);
    total += packets;
  }
  return total;
}

}  // namespace weft::lab
