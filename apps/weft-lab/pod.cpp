/// Pods of a lab: a network namespace each, attached by the real CNI program.

#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "console/json.hpp"
#include "lab.hpp"

namespace weft::lab {

using namespace console;

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds cni_patience{90};  // an address may have to be asked of a peer

Result<LabPod> read_pod(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Json record;
  WEFT_TRY(record, parse_json(text, "pod record '" + path + "'"));
  return LabPod{text_of(record, "name"), text_of(record, "node"), text_of(record, "address")};
}

Result<> write_pod(const std::string& path, const LabPod& pod) {
  std::ofstream file(path, std::ios::trunc);
  file << Json{{"name", pod.name}, {"node", pod.node}, {"address", pod.address}}.dump();
  file.close();
  return file ? Result<>{} : fail(EIO, "write '" + path + "'");
}

}  // namespace

Result<std::string> Lab::cni(const std::string& action, const std::string& pod,
                             const LabNode& node) {
  const std::string bin = plan_.directory + "/bin";
  const Json config{{"cniVersion", "1.0.0"}, {"name", "weave"}, {"type", "weave-net"}};
  Command command{inside(node.netns, {bin + "/weave-net"}),
                  config.dump() + "\n",
                  {{"CNI_COMMAND", action},
                   {"CNI_CONTAINERID", container_id(plan_, pod)},
                   {"CNI_NETNS", "/run/netns/" + plan_.pod_netns(pod)},
                   {"CNI_IFNAME", "eth0"},
                   {"CNI_PATH", bin},
                   {"WEFT_SOCKET", node.socket}},
                  cni_patience};
  return run_ok(command, is_verbose());
}

Result<LabPod> Lab::add_pod(const std::string& pod, const std::string& node_name) {
  WEFT_TRY(check_pod_name(pod));
  const LabNode* const node = plan_.find_node(node_name);
  if (node == nullptr) {
    return fail(Errc::not_found,
                "put a pod on '" + node_name + "': it is not a node of lab '" + plan_.name + "'");
  }
  if (fs::exists(plan_.pod_record(pod))) {
    return fail(Errc::conflict, "add pod '" + pod + "': it exists; 'weft lab pod del' removes it");
  }
  WEFT_TRY(add_netns(plan_.pod_netns(pod)));
  LabPod added{pod, node_name, ""};
  WEFT_TRY(write_pod(plan_.pod_record(pod), added));  // from now on 'pod del' finds it
  std::string text;
  WEFT_TRY(text, cni("ADD", pod, *node));
  Json result;
  WEFT_TRY(result, parse_json(text, "weft-cni's result"));
  const Json& addresses = member(result, "ips");
  if (!addresses.is_array() || addresses.empty()) {
    return fail(Errc::malformed, "read weft-cni's result: it names no address: " + text);
  }
  added.address = text_of(addresses[0], "address");
  WEFT_TRY(write_pod(plan_.pod_record(pod), added));
  return added;
}

Result<> Lab::remove_pod(const std::string& pod) {
  WEFT_TRY(check_pod_name(pod));
  const std::string path = plan_.pod_record(pod);
  if (!fs::exists(path)) {
    return fail(Errc::not_found, "find pod '" + pod + "' in lab '" + plan_.name + "'");
  }
  LabPod record;
  WEFT_TRY(record, read_pod(path));
  const LabNode* const node = plan_.find_node(record.node);
  if (node == nullptr) {
    return fail(Errc::malformed, "read pod record '" + path + "'");
  }
  WEFT_TRY(cni("DEL", pod, *node));
  WEFT_TRY(remove_netns({plan_.pod_netns(pod)}, is_verbose()));
  std::error_code error;
  fs::remove(path, error);
  return {};
}

Result<std::vector<LabPod>> Lab::pods() const {
  std::vector<LabPod> list;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(plan_.directory + "/pods", error)) {
    LabPod pod;
    WEFT_TRY(pod, read_pod(entry.path().string()));
    list.push_back(std::move(pod));
  }
  std::sort(list.begin(), list.end(),
            [](const LabPod& a, const LabPod& b) { return a.name < b.name; });
  return list;
}

}  // namespace weft::lab
