#pragma once
/// The network configuration on standard input, and the results on standard output.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>

#include "common/attachment/exchange.hpp"
#include "failure.hpp"

namespace weft::cni {

/// One entry of a result's `interfaces`.
struct ResultInterface {
  std::string name;
  std::string mac;
  std::string sandbox;  ///< the namespace's path; empty on the host
  bool operator==(const ResultInterface&) const = default;
};

/// One entry of a result's `ips`.
struct ResultAddress {
  net::Cidr address;
  std::optional<net::IpAddress> gateway;
  std::optional<std::uint32_t> interface;  ///< index into `interfaces`
  bool operator==(const ResultAddress&) const = default;
};

/// What a plugin did. Source: CNI specification 1.0.0, section "Success".
struct PodResult {
  std::vector<ResultInterface> interfaces;
  std::vector<ResultAddress> addresses;
  std::vector<PodRoute> routes;
  std::string dns = "{}";  ///< a JSON object, copied from the configuration as it is
  bool operator==(const PodResult&) const = default;
};

/// The part `ipam` of the configuration.
struct IpamConfig {
  std::string type;                 ///< empty: the daemon's own
  std::optional<net::Cidr> subnet;  ///< absent: the default subnet
  std::optional<net::IpAddress> gateway;
  std::vector<PodRoute> routes;
  bool operator==(const IpamConfig&) const = default;
};

struct NetworkConfig {
  std::string version = "0.1.0";  ///< what a configuration without cniVersion means
  std::string name;
  std::string type;
  std::string bridge;      ///< empty: the daemon's
  std::uint32_t mtu = 0;   ///< 0: the daemon's
  bool hairpin = true;     ///< a pod may reach itself through a service
  bool guard = true;       ///< the pod sends only as itself, if the daemon guards pods
  std::string socket;      ///< the daemon's control socket; empty: by environment or default
  std::string dns = "{}";  ///< a JSON object
  IpamConfig ipam;
  std::optional<PodResult> previous;  ///< CHECK: what ADD answered
};

/// In the order of their release.
inline constexpr std::string_view supported_versions[] = {"0.1.0", "0.2.0", "0.3.0",
                                                          "0.3.1", "0.4.0", "1.0.0"};
inline constexpr std::size_t max_config_bytes = std::size_t{1} << 20;

[[nodiscard]] std::vector<PodRoute> routes_of(net::Family family,
                                              const std::vector<PodRoute>& routes);

/// Errors: Code::decode_failure; Code::invalid_configuration, names the key;
/// Code::incompatible_version.
[[nodiscard]] Outcome<NetworkConfig> parse_config(std::string_view text);

/// What DEL needs of a configuration, as far as it can be read: a version that we do not know, or a
/// key that went bad, must not keep a pod from being removed.
[[nodiscard]] NetworkConfig removal_config(std::string_view text);

/// A result of another plugin, in any version. Errors: Code::decode_failure.
[[nodiscard]] Outcome<PodResult> parse_result(std::string_view text);

/// What another plugin said when it failed; `text` need not be what it should.
[[nodiscard]] Failure parse_failure(std::string_view text);

/// For standard output, as `version` writes it.
[[nodiscard]] std::string format_result(const PodResult& result, std::string_view version);
[[nodiscard]] std::string format_failure(const Failure& failure, std::string_view version);
[[nodiscard]] std::string format_versions();

}  // namespace weft::cni
