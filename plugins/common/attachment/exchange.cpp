/// Writes and reads the messages between weft-cni and the daemon.

#include "exchange.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace weft::cni {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_list = 16;

Result<Json> parse_object(std::string_view text, const char* what) {
  Json object = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return fail(Errc::malformed, std::string("read ") + what + ": it is no JSON object");
  }
  return object;
}

/// Empty when the field is absent or null.
Result<std::optional<std::string>> text_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    return std::nullopt;
  }
  if (!found->is_string()) {
    return fail(Errc::invalid, std::string("read field '") + name + "': it must be a string");
  }
  return found->get<std::string>();
}

template <class T>
Result<std::optional<T>> parsed_field(const Json& object, const char* name,
                                      Result<T> (*parse)(std::string_view)) {
  std::optional<std::string> text;
  WEFT_TRY(text, text_field(object, name));
  if (!text || text->empty()) {
    return std::nullopt;
  }
  T value;
  WEFT_TRY(value, parse(*text));
  return value;
}

/// Absent: 0.
Result<std::uint64_t> attempt_field(const Json& object) {
  const auto found = object.find("attempt");
  if (found == object.end()) {
    return 0;
  }
  if (!found->is_number_unsigned()) {
    return fail(Errc::invalid, "read field 'attempt': it must be a number");
  }
  return found->get<std::uint64_t>();
}

Result<std::uint32_t> number_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned() ||
      found->get<std::uint64_t>() > UINT32_MAX) {
    return fail(Errc::invalid, std::string("read field '") + name + "': it must be a number");
  }
  return found->get<std::uint32_t>();
}

/// Absent: `otherwise`.
Result<bool> flag_field(const Json& object, const char* name, bool otherwise) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return otherwise;
  }
  if (!found->is_boolean()) {
    return fail(Errc::invalid, std::string("read field '") + name + "': it must be true or false");
  }
  return found->get<bool>();
}

tl::unexpected<Error> wrong_list(const char* name) {
  return fail(Errc::invalid, std::string("read field '") + name +
                                 "': it must be a list of at most " + std::to_string(max_list));
}

/// The texts under `name`, which must be there.
template <class T>
Result<std::vector<T>> parsed_list(const Json& object, const char* name,
                                   Result<T> (*parse)(std::string_view)) {
  const auto found = object.find(name);
  const bool is_list = found != object.end() && found->is_array() && found->size() <= max_list;
  if (!is_list || !std::ranges::all_of(*found, &Json::is_string)) {
    return wrong_list(name);
  }
  std::vector<T> list;
  for (const Json& each : *found) {
    T value;
    WEFT_TRY(value, parse(each.get<std::string>()));
    list.push_back(value);
  }
  return list;
}

template <class T>
Json text_list(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) {
    list.push_back(to_string(value));
  }
  return list;
}

/// Whose request or pod it is.
Result<AttachmentId> attachment_fields(const Json& object) {
  std::optional<std::string> container;
  WEFT_TRY(container, text_field(object, "container_id"));
  if (!container || !is_container_id(*container)) {
    return fail(Errc::invalid, "read field 'container_id': want letters, digits, '_', '.' and '-'");
  }
  std::optional<std::string> interface;
  WEFT_TRY(interface, text_field(object, "ifname"));
  AttachmentId id{*std::move(container), std::move(interface).value_or("")};
  if (!id.interface.empty() && !is_interface_name(id.interface)) {
    return fail(Errc::invalid,
                "read field 'ifname': want 1 to 15 characters without '/', ':', '%' and spaces");
  }
  return id;
}

Result<net::Mac> mac_field(const Json& object, const char* name) {
  std::optional<net::Mac> mac;
  WEFT_TRY(mac, parsed_field(object, name, &net::parse_mac));
  if (!mac) {
    return fail(Errc::invalid, std::string("read field '") + name + "': it must be given");
  }
  return *mac;
}

template <class T>
void put(Json& object, const char* name, const std::optional<T>& value) {
  if (value) {
    object[name] = to_string(*value);
  }
}

/// The objects under `name`, which must be there.
Result<std::vector<Json>> object_list(const Json& object, const char* name) {
  const auto found = object.find(name);
  const bool is_list = found != object.end() && found->is_array() && found->size() <= max_list;
  if (!is_list || !std::ranges::all_of(*found, &Json::is_object)) {
    return wrong_list(name);
  }
  return std::vector<Json>(found->begin(), found->end());
}

Json address_object(const PodAddress& address) {
  Json routes = Json::array();
  for (const PodRoute& route : address.routes) {
    Json entry{{"dst", to_string(route.destination)}};
    put(entry, "gw", route.gateway);
    routes.push_back(std::move(entry));
  }
  Json object{{"address", to_string(address.address)}, {"routes", std::move(routes)}};
  put(object, "gateway", address.gateway);
  return object;
}

Result<net::Cidr> cidr_field(const Json& object, const char* name) {
  std::optional<net::Cidr> cidr;
  WEFT_TRY(cidr, parsed_field(object, name, &net::parse_cidr));
  if (!cidr) {
    return fail(Errc::invalid, std::string("read field '") + name + "': it must be given");
  }
  return *cidr;
}

Result<PodAddress> read_address(const Json& object) {
  PodAddress address;
  WEFT_TRY(address.address, cidr_field(object, "address"));
  WEFT_TRY(address.gateway, parsed_field(object, "gateway", &net::parse_ip));
  std::vector<Json> routes;
  WEFT_TRY(routes, object_list(object, "routes"));
  for (const Json& each : routes) {
    PodRoute route;
    WEFT_TRY(route.destination, cidr_field(each, "dst"));
    WEFT_TRY(route.gateway, parsed_field(each, "gw", &net::parse_ip));
    address.routes.push_back(route);
  }
  return address;
}

Json attached_object(const events::PodAttached& pod) {
  return {{"container_id", pod.container},
          {"ifname", pod.interface},
          {"port", pod.port},
          {"mac", to_string(pod.mac)},
          {"port_mac", to_string(pod.port_mac)},
          {"addresses", text_list(pod.addresses)},
          {"netns", pod.netns},
          {"k8s_namespace", pod.kubernetes.name_space},
          {"k8s_pod", pod.kubernetes.name},
          {"k8s_uid", pod.kubernetes.uid}};
}

Result<events::PodAttached> read_attached(const Json& object) {
  events::PodAttached pod;
  AttachmentId id;
  WEFT_TRY(id, attachment_fields(object));
  pod.container = std::move(id.container_id);
  pod.interface = std::move(id.interface);
  std::optional<std::string> text;
  WEFT_TRY(text, text_field(object, "port"));
  pod.port = std::move(text).value_or("");
  if (!is_interface_name(pod.port)) {
    return fail(Errc::invalid, "read field 'port': want the name of an interface");
  }
  WEFT_TRY(pod.mac, mac_field(object, "mac"));
  WEFT_TRY(pod.port_mac, mac_field(object, "port_mac"));
  WEFT_TRY(pod.addresses, parsed_list(object, "addresses", &net::parse_cidr));
  WEFT_TRY(text, text_field(object, "netns"));
  pod.netns = std::move(text).value_or("");
  const std::pair<const char*, std::string*> fields[] = {
      {"k8s_namespace", &pod.kubernetes.name_space},
      {"k8s_pod", &pod.kubernetes.name},
      {"k8s_uid", &pod.kubernetes.uid}};
  for (const auto& [name, field] : fields) {
    WEFT_TRY(text, text_field(object, name));
    *field = std::move(text).value_or("");
  }
  return pod;
}

void put_attempt(Json& object, std::uint64_t attempt) {
  if (attempt != 0) {
    object["attempt"] = attempt;
  }
}

}  // namespace

PodRoute default_route(net::Family family) {
  return {{{family, {}}, 0}, std::nullopt};
}

std::string to_json(const PodRequest& request) {
  Json object{{"container_id", request.container_id}, {"ifname", request.interface}};
  put(object, "subnet", request.subnet);
  if (!request.addresses.empty()) {
    object["addresses"] = text_list(request.addresses);
  }
  put_attempt(object, request.attempt);
  if (request.has_port) {
    object["port"] = true;
  }
  return object.dump();
}

std::string to_json(const PodNetwork& network) {
  Json addresses = Json::array();
  for (const PodAddress& address : network.addresses) {
    addresses.push_back(address_object(address));
  }
  Json object{{"mtu", network.mtu},
              {"bridge", network.bridge},
              {"guard", network.guard},
              {"addresses", std::move(addresses)}};
  put_attempt(object, network.attempt);
  return object.dump();
}

Result<PodNetwork> parse_pod_network(std::string_view text) {
  Json object;
  WEFT_TRY(object, parse_object(text, "the pod's network"));
  PodNetwork network;
  WEFT_TRY(network.mtu, number_field(object, "mtu"));
  std::optional<std::string> bridge;
  WEFT_TRY(bridge, text_field(object, "bridge"));
  network.bridge = std::move(bridge).value_or("");
  std::vector<Json> addresses;
  WEFT_TRY(addresses, object_list(object, "addresses"));
  for (const Json& each : addresses) {
    PodAddress address;
    WEFT_TRY(address, read_address(each));
    network.addresses.push_back(std::move(address));
  }
  WEFT_TRY(network.guard, flag_field(object, "guard", false));
  WEFT_TRY(network.attempt, attempt_field(object));
  return network;
}

std::string to_json(const PodPort& port) {
  return Json{{"port", port.port},
              {"mac", to_string(port.mac)},
              {"addresses", text_list(port.addresses)},
              {"guard", port.guard}}
      .dump();
}

std::string to_json(const events::PodAttached& pod) {
  return attached_object(pod).dump();
}

std::string to_json(const std::vector<events::PodAttached>& pods) {
  Json list = Json::array();
  for (const events::PodAttached& pod : pods) {
    list.push_back(attached_object(pod));
  }
  return list.dump();
}

Result<std::vector<events::PodAttached>> parse_attached_pods(std::string_view text) {
  const Json list = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!list.is_array() || !std::ranges::all_of(list, &Json::is_object)) {
    return fail(Errc::malformed, "read the attached pods: they are no list of JSON objects");
  }
  std::vector<events::PodAttached> pods;
  for (const Json& object : list) {
    events::PodAttached pod;
    WEFT_TRY(pod, read_attached(object));
    pods.push_back(std::move(pod));
  }
  return pods;
}

}  // namespace weft::cni
