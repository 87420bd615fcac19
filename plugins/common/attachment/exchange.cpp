/// Writes and reads the messages between weft-cni and the daemon.

#include "exchange.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace weft::cni {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_pod_addresses = 16;

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

Result<std::vector<net::IpAddress>> address_list(const Json& object, const char* name) {
  const auto found = object.find(name);
  const bool is_list =
      found != object.end() && found->is_array() && found->size() <= max_pod_addresses;
  if (!is_list || !std::ranges::all_of(*found, &Json::is_string)) {
    return fail(Errc::invalid, std::string("read field '") + name +
                                   "': it must be a list of at "
                                   "most " +
                                   std::to_string(max_pod_addresses) + " addresses");
  }
  std::vector<net::IpAddress> addresses;
  for (const Json& each : *found) {
    net::IpAddress address;
    WEFT_TRY(address, net::parse_ip(each.get<std::string>()));
    addresses.push_back(address);
  }
  return addresses;
}

template <class T>
void put(Json& object, const char* name, const std::optional<T>& value) {
  if (value) {
    object[name] = to_string(*value);
  }
}

void put_attempt(Json& object, std::uint64_t attempt) {
  if (attempt != 0) {
    object["attempt"] = attempt;
  }
}

}  // namespace

std::string to_json(const PodRequest& request) {
  Json object{{"container_id", request.container_id}, {"ifname", request.interface}};
  put(object, "subnet", request.subnet);
  put(object, "address", request.address);
  put_attempt(object, request.attempt);
  if (request.has_port) {
    object["port"] = true;
  }
  return object.dump();
}

Result<PodRequest> parse_pod_request(std::string_view text) {
  Json object;
  WEFT_TRY(object, parse_object(text, "CNI request"));
  PodRequest request;
  std::optional<std::string> container;
  WEFT_TRY(container, text_field(object, "container_id"));
  if (!container || !is_container_id(*container)) {
    return fail(Errc::invalid, "read field 'container_id': want letters, digits, '_', '.' and '-'");
  }
  request.container_id = *std::move(container);
  std::optional<std::string> interface;
  WEFT_TRY(interface, text_field(object, "ifname"));
  request.interface = std::move(interface).value_or("");
  if (!request.interface.empty() && !is_interface_name(request.interface)) {
    return fail(Errc::invalid,
                "read field 'ifname': want 1 to 15 characters without '/', ':', '%' and spaces");
  }
  WEFT_TRY(request.subnet, parsed_field(object, "subnet", &net::parse_cidr));
  WEFT_TRY(request.address, parsed_field(object, "address", &net::parse_cidr));
  WEFT_TRY(request.attempt, attempt_field(object));
  WEFT_TRY(request.has_port, flag_field(object, "port", false));
  return request;
}

std::string to_json(const PodNetwork& network) {
  Json object{{"mtu", network.mtu}, {"bridge", network.bridge}, {"guard", network.guard}};
  put(object, "address", network.address);
  put(object, "gateway", network.gateway);
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
  WEFT_TRY(network.address, parsed_field(object, "address", &net::parse_cidr));
  WEFT_TRY(network.gateway, parsed_field(object, "gateway", &net::parse_ip));
  WEFT_TRY(network.guard, flag_field(object, "guard", false));  // daemons of 0.1 say nothing
  WEFT_TRY(network.attempt, attempt_field(object));
  return network;
}

std::string to_json(const PodPort& port) {
  Json addresses = Json::array();
  for (const net::IpAddress& address : port.addresses) {
    addresses.push_back(to_string(address));
  }
  return Json{{"port", port.port},
              {"mac", to_string(port.mac)},
              {"addresses", std::move(addresses)},
              {"guard", port.guard}}
      .dump();
}

Result<PodPort> parse_pod_port(std::string_view text) {
  Json object;
  WEFT_TRY(object, parse_object(text, "the pod's port"));
  PodPort port;
  std::optional<std::string> name;
  WEFT_TRY(name, text_field(object, "port"));
  port.port = std::move(name).value_or("");
  std::optional<net::Mac> mac;
  WEFT_TRY(mac, parsed_field(object, "mac", &net::parse_mac));
  if (!mac) {
    return fail(Errc::invalid, "read field 'mac': it must be given");
  }
  port.mac = *mac;
  WEFT_TRY(port.addresses, address_list(object, "addresses"));
  WEFT_TRY(port.guard, flag_field(object, "guard", true));
  return port;
}

}  // namespace weft::cni
