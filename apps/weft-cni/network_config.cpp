/// Reads CNI configurations and results, whatever they hold.

#include "network_config.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/attachment/attachment.hpp"

namespace weft::cni {
namespace {

using Json = nlohmann::ordered_json;

constexpr int max_depth = 32;  // `dns` is written back, which recurses once per level

tl::unexpected<Failure> wrong(const std::string& key, std::string_view want) {
  return refuse(Code::invalid_configuration,
                "invalid network configuration: '" + key + "' must be " + std::string(want));
}

/// The value as it was written, cut when it is long.
tl::unexpected<Failure> wrong(const std::string& key, std::string_view want, const Json& value) {
  constexpr std::size_t longest = 64;
  std::string given = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (given.size() > longest) {
    given = given.substr(0, longest) + "...";
  }
  return wrong(key, std::string(want) + ", not " + given);
}

Outcome<Json> parse_object(std::string_view text) {
  bool is_too_deep = false;
  const auto limit = [&](int depth, Json::parse_event_t /*event*/, Json& /*value*/) {
    is_too_deep = is_too_deep || depth > max_depth;
    return !is_too_deep;
  };
  Json object = Json::parse(text.begin(), text.end(), limit, /*allow_exceptions=*/false);
  if (is_too_deep) {
    return refuse(Code::decode_failure, "cannot decode the input: it is nested deeper than " +
                                            std::to_string(max_depth) + " levels");
  }
  if (!object.is_object()) {
    return refuse(Code::decode_failure, "cannot decode the input: it is no JSON object");
  }
  return object;
}

/// Null when the key is absent or its value is null.
const Json* value_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Outcome<std::string> text_field(const Json& object, const char* key, std::string fallback = {}) {
  const Json* const value = value_of(object, key);
  if (value != nullptr && !value->is_string()) {
    return wrong(key, "a string", *value);
  }
  return value != nullptr ? value->get<std::string>() : std::move(fallback);
}

Outcome<bool> flag_field(const Json& object, const char* key, bool fallback) {
  const Json* const value = value_of(object, key);
  if (value != nullptr && !value->is_boolean()) {
    return wrong(key, "true or false, without quotes", *value);
  }
  return value != nullptr ? value->get<bool>() : fallback;
}

Outcome<std::optional<std::uint32_t>> number_field(const Json& object, const char* key,
                                                   std::uint64_t highest) {
  const Json* const value = value_of(object, key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > highest) {
    return wrong(key, "an integer from 0 to " + std::to_string(highest), *value);
  }
  return value->get<std::uint32_t>();
}

template <class T>
Outcome<std::optional<T>> parsed_field(const Json& object, const char* key,
                                       Result<T> (*parse)(std::string_view),
                                       std::string_view want) {
  std::string text;
  WEFT_TRY(text, text_field(object, key));
  if (text.empty()) {
    return std::nullopt;
  }
  auto parsed = parse(text);
  if (!parsed) {
    return wrong(key, want, *value_of(object, key));
  }
  return *parsed;
}

Outcome<std::optional<net::Cidr>> cidr_field(const Json& object, const char* key) {
  return parsed_field(object, key, &net::parse_cidr, "a prefix like 10.32.0.0/12");
}

Outcome<std::optional<net::IpAddress>> ip_field(const Json& object, const char* key) {
  return parsed_field(object, key, &net::parse_ip, "an address like 10.32.0.1");
}

/// Calls `read` for each object in the list under `key`, which may be absent.
template <class T, class Read>
Outcome<std::vector<T>> list_field(const Json& object, const char* key, Read read) {
  std::vector<T> list;
  const Json* const value = value_of(object, key);
  if (value == nullptr) {
    return list;
  }
  if (!value->is_array()) {
    return wrong(key, "a list", *value);
  }
  for (const Json& entry : *value) {
    if (!entry.is_object()) {
      return wrong(key, "a list of objects", entry);
    }
    T item;
    WEFT_TRY(item, read(entry));
    list.push_back(std::move(item));
  }
  return list;
}

Outcome<PodRoute> read_route(const Json& object) {
  std::optional<net::Cidr> destination;
  WEFT_TRY(destination, cidr_field(object, "dst"));
  if (!destination) {
    return wrong("dst", "given for every route");
  }
  std::optional<net::IpAddress> gateway;
  WEFT_TRY(gateway, ip_field(object, "gw"));
  return PodRoute{*destination, gateway};
}

Outcome<ResultInterface> read_interface(const Json& object) {
  ResultInterface interface;
  WEFT_TRY(interface.name, text_field(object, "name"));
  WEFT_TRY(interface.mac, text_field(object, "mac"));
  WEFT_TRY(interface.sandbox, text_field(object, "sandbox"));
  return interface;
}

Outcome<ResultAddress> read_address(const Json& object, const char* key) {
  std::optional<net::Cidr> address;
  WEFT_TRY(address, cidr_field(object, key));
  if (!address) {
    return wrong(key, "given for every address");
  }
  ResultAddress result{*address, {}, {}};
  WEFT_TRY(result.gateway, ip_field(object, "gateway"));
  WEFT_TRY(result.interface, number_field(object, "interface", INT32_MAX));
  return result;
}

Outcome<std::string> object_text(const Json& object, const char* key) {
  const Json* const value = value_of(object, key);
  if (value != nullptr && !value->is_object()) {
    return wrong(key, "an object", *value);
  }
  return value != nullptr ? value->dump(-1, ' ', false, Json::error_handler_t::replace)
                          : std::string("{}");
}

Outcome<PodResult> read_result(const Json& object) {
  PodResult result;
  WEFT_TRY(result.interfaces, list_field<ResultInterface>(object, "interfaces", read_interface));
  WEFT_TRY(result.addresses, list_field<ResultAddress>(object, "ips", [](const Json& entry) {
             return read_address(entry, "address");
           }));
  WEFT_TRY(result.routes, list_field<PodRoute>(object, "routes", read_route));
  WEFT_TRY(result.dns, object_text(object, "dns"));
  for (const char* const family : {"ip4", "ip6"}) {  // up to 0.2.0
    const Json* const legacy = value_of(object, family);
    if (legacy == nullptr || !legacy->is_object()) {
      continue;
    }
    ResultAddress address;
    WEFT_TRY(address, read_address(*legacy, "ip"));
    result.addresses.push_back(address);
    std::vector<PodRoute> routes;
    WEFT_TRY(routes, list_field<PodRoute>(*legacy, "routes", read_route));
    std::ranges::move(routes, std::back_inserter(result.routes));
  }
  return result;
}

Outcome<std::string> ipam_type(const Json& config) {
  const Json* const object = value_of(config, "ipam");
  if (object == nullptr) {
    return std::string();
  }
  if (!object->is_object()) {
    return wrong("ipam", "an object", *object);
  }
  std::string type;
  WEFT_TRY(type, text_field(*object, "type"));
  if (type.find('/') != std::string::npos) {
    return wrong("ipam.type", "the name of a plugin, without '/'");
  }
  return type;
}

Outcome<IpamConfig> read_ipam(const Json& config) {
  IpamConfig ipam;
  WEFT_TRY(ipam.type, ipam_type(config));
  const Json* const object = value_of(config, "ipam");
  if (object == nullptr) {
    return ipam;
  }
  // Other plugins have other ideas of these keys.
  if (ipam.type.empty() || ipam.type.starts_with("weave") || ipam.type.starts_with("weft")) {
    WEFT_TRY(ipam.subnet, cidr_field(*object, "subnet"));
    WEFT_TRY(ipam.gateway, ip_field(*object, "gateway"));
    WEFT_TRY(ipam.routes, list_field<PodRoute>(*object, "routes", read_route));
  }
  return ipam;
}

/// Multus writes an empty text, which means the same as none.
/// Source: CNI specification 1.0.0, section "Network configuration format"; libcni.
Outcome<std::string> read_version(const Json& object) {
  std::string version;
  WEFT_TRY(version, text_field(object, "cniVersion"));
  return version.empty() ? std::string(supported_versions[0]) : version;
}

Outcome<> refuse_unsupported(const Json& object) {
  constexpr std::pair<const char*, std::string_view> refused[] = {
      {"isGateway", "Gateway functionality not supported"},
      {"ipMasq", "IP Masquerading functionality not supported"}};
  for (const auto& [key, message] : refused) {
    bool is_set = false;
    WEFT_TRY(is_set, flag_field(object, key, false));
    if (is_set) {
      return refuse(Code::invalid_configuration, std::string(message),
                    std::string("remove '") + key +
                        "': the bridge is the pods' gateway and the daemon masquerades");
    }
  }
  return {};
}

/// "0.1.0, 0.2.0 and 1.0.0": there are others between them.
std::string list_of_versions() {
  std::string list;
  for (const std::string_view& version : supported_versions) {
    const bool is_last = &version == std::end(supported_versions) - 1;
    list += std::string(list.empty() ? "" : is_last ? " and " : ", ") + std::string(version);
  }
  return list;
}

bool is_supported(std::string_view version) {
  return std::ranges::find(supported_versions, version) != std::end(supported_versions);
}

}  // namespace

Outcome<NetworkConfig> parse_config(std::string_view text) {
  Json object;
  WEFT_TRY(object, parse_object(text));
  NetworkConfig config;
  WEFT_TRY(config.version, read_version(object));
  if (!is_supported(config.version)) {
    return refuse(Code::incompatible_version, "incompatible CNI versions",
                  "config is \"" + config.version + "\", plugin supports " + list_of_versions());
  }
  WEFT_TRY(config.name, text_field(object, "name"));
  if (config.name.empty()) {
    return wrong("name", "given, and not be empty");
  }
  WEFT_TRY(config.type, text_field(object, "type"));
  WEFT_TRY(config.bridge, text_field(object, "bridge"));
  WEFT_TRY(config.hairpin, flag_field(object, "hairpinMode", true));
  WEFT_TRY(config.guard, flag_field(object, "podGuard", true));
  WEFT_TRY(config.socket, text_field(object, "socket"));
  WEFT_TRY(config.dns, object_text(object, "dns"));
  WEFT_TRY(config.ipam, read_ipam(object));
  std::optional<std::uint32_t> mtu;
  WEFT_TRY(mtu, number_field(object, "mtu", 65535));
  config.mtu = mtu.value_or(0);
  if (config.mtu != 0 && config.mtu < smallest_pod_mtu) {
    return wrong("mtu",
                 "0, for the bridge's, or from " + std::to_string(smallest_pod_mtu) + " to 65535",
                 *value_of(object, "mtu"));
  }
  WEFT_TRY(refuse_unsupported(object));
  if (const Json* const previous = value_of(object, "prevResult")) {
    if (!previous->is_object()) {
      return wrong("prevResult", "an object", *previous);
    }
    PodResult result;
    WEFT_TRY(result, read_result(*previous));
    config.previous = std::move(result);
  }
  return config;
}

std::vector<PodRoute> routes_of(net::Family family, const std::vector<PodRoute>& routes) {
  std::vector<PodRoute> chosen;
  std::ranges::copy_if(routes, std::back_inserter(chosen), [family](const PodRoute& route) {
    return route.destination.address.family == family;
  });
  return chosen;
}

NetworkConfig removal_config(std::string_view text) {
  NetworkConfig config;
  const auto object = parse_object(text);
  if (!object) {
    return config;
  }
  if (auto version = read_version(*object); version && is_supported(*version)) {
    config.version = *std::move(version);
  }
  config.type = text_field(*object, "type").value_or("");
  config.socket = text_field(*object, "socket").value_or("");
  config.ipam.type = ipam_type(*object).value_or("");
  if (const Json* const previous = value_of(*object, "prevResult");
      previous != nullptr && previous->is_object()) {
    if (auto result = read_result(*previous)) {
      config.previous = *std::move(result);
    }
  }
  return config;
}

Outcome<PodResult> parse_result(std::string_view text) {
  Json object;
  WEFT_TRY(object, parse_object(text));
  return read_result(object);
}

Failure parse_failure(std::string_view text) {
  Failure failure{Code::general, "the plugin failed without saying why", {}};
  if (const auto object = parse_object(text)) {
    failure.message = text_field(*object, "msg", failure.message).value_or(failure.message);
    failure.details = text_field(*object, "details").value_or("");
    if (number_field(*object, "code", INT32_MAX).value_or(0) ==
        static_cast<unsigned>(Code::try_again_later)) {
      failure.code = Code::try_again_later;
    }
  }
  return failure;
}

}  // namespace weft::cni
