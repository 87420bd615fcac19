/// Writes what weft-cni prints.

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "network_config.hpp"

namespace weft::cni {
namespace {

using Json = nlohmann::ordered_json;

void put_text(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) {
    object[key] = value;
  }
}

Json route_list(const std::vector<PodRoute>& routes) {
  Json list = Json::array();
  for (const PodRoute& route : routes) {
    Json entry{{"dst", to_string(route.destination)}};
    if (route.gateway) {
      entry["gw"] = to_string(*route.gateway);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json interface_list(const std::vector<ResultInterface>& interfaces) {
  Json list = Json::array();
  for (const ResultInterface& interface : interfaces) {
    Json entry{{"name", interface.name}};
    put_text(entry, "mac", interface.mac);
    put_text(entry, "sandbox", interface.sandbox);
    list.push_back(std::move(entry));
  }
  return list;
}

Json address_list(const std::vector<ResultAddress>& addresses, bool has_version) {
  Json list = Json::array();
  for (const ResultAddress& address : addresses) {
    Json entry = Json::object();
    if (has_version) {
      entry["version"] = address.address.address.is_v4() ? "4" : "6";
    }
    entry["address"] = to_string(address.address);
    if (address.gateway) {
      entry["gateway"] = to_string(*address.gateway);
    }
    if (address.interface) {
      entry["interface"] = *address.interface;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

/// The form up to 0.2.0: one address of each family.
void put_legacy(Json& object, const PodResult& result) {
  for (const ResultAddress& address : result.addresses) {
    const net::Family family = address.address.address.family;
    const char* const key = family == net::Family::v4 ? "ip4" : "ip6";
    if (object.contains(key)) {
      continue;
    }
    Json entry{{"ip", to_string(address.address)}};
    if (address.gateway) {
      entry["gateway"] = to_string(*address.gateway);
    }
    if (const auto routes = routes_of(family, result.routes); !routes.empty()) {
      entry["routes"] = route_list(routes);
    }
    object[key] = std::move(entry);
  }
}

std::string printed(const Json& object) {
  return object.dump(4, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string format_result(const PodResult& result, std::string_view version) {
  Json object{{"cniVersion", version}};
  if (version == "0.1.0" || version == "0.2.0") {
    put_legacy(object, result);
  } else {
    if (!result.interfaces.empty()) {
      object["interfaces"] = interface_list(result.interfaces);
    }
    object["ips"] = address_list(result.addresses, /*has_version=*/version.starts_with("0."));
    if (!result.routes.empty()) {
      object["routes"] = route_list(result.routes);
    }
  }
  object["dns"] = Json::parse(result.dns, nullptr, /*allow_exceptions=*/false);
  return printed(object);
}

std::string format_failure(const Failure& failure, std::string_view version) {
  Json object{{"cniVersion", version},
              {"code", static_cast<unsigned>(failure.code)},
              {"msg", failure.message}};
  put_text(object, "details", failure.details);
  return printed(object);
}

std::string format_versions() {
  Json object{{"cniVersion", std::end(supported_versions)[-1]}};
  object["supportedVersions"] =
      Json(std::vector<std::string>(std::begin(supported_versions), std::end(supported_versions)));
  return printed(object);
}

}  // namespace weft::cni
