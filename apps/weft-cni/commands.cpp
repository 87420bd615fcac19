/// Carries out the runtime's commands with the daemon's and the kernel's help.

#include "commands.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <utility>

#include "common/attachment/lock.hpp"
#include "daemon.hpp"
#include "delegate.hpp"
#include "pod_interface.hpp"

namespace weft::cni {
namespace {

constexpr std::string_view default_socket = "/run/weft/weft.sock";

std::string socket_path(const NetworkConfig& config) {
  if (!config.socket.empty()) {
    return config.socket;
  }
  const char* const variable = std::getenv("WEFT_SOCKET");
  return variable != nullptr && *variable != '\0' ? variable : std::string(default_socket);
}

/// What a result says of the interface: plugins of a chain may add addresses of others.
std::vector<net::Cidr> addresses_of(const std::string& interface, const PodResult& result) {
  std::vector<net::Cidr> addresses;
  for (const ResultAddress& each : result.addresses) {
    const bool is_known = each.interface && *each.interface < result.interfaces.size();
    if (!is_known || result.interfaces[*each.interface].name == interface) {
      addresses.push_back(each.address);
    }
  }
  return addresses;
}

/// `addresses` is what ADD answered, as far as the runtime says.
PodRequest pod_request(const Invocation& invocation, const NetworkConfig& config) {
  PodRequest request{invocation.container_id, invocation.interface, config.ipam.subnet, {}};
  if (config.previous) {
    request.addresses = addresses_of(invocation.interface, *config.previous);
  }
  return request;
}

/// One command for one pod.
class PodCommand {
 public:
  PodCommand(const Invocation& invocation, const NetworkConfig& config, std::string_view text)
      : invocation_(invocation),
        config_(config),
        config_text_(text),
        daemon_(socket_path(config)),
        request_(pod_request(invocation, config)) {
    request_.has_port = true;
  }

  Outcome<std::string> add() {
    auto interface = PodInterface::open(invocation_);
    if (!interface) {
      return tl::unexpected(as_failure(interface.error()));
    }
    WEFT_TRY(was_there_, interface->exists().map_error(as_failure));
    WEFT_TRY(allocate());
    std::optional<Failure> refused;  // by the daemon
    const auto told = [&refused](Outcome<> outcome) -> Result<> {
      if (outcome) {
        return {};
      }
      refused = std::move(outcome).error();
      return fail(Errc::abandoned, "tell the daemon of the pod");
    };
    wanted_.before_up = [&](const std::string& port, const net::Mac& mac) {
      return told(guard(port, mac));
    };
    wanted_.when_attached = [&](const Attached& attached) { return told(say(attached)); };
    auto attached = interface->attach(wanted_).map_error(as_failure);
    if (!attached) {
      undo();
      return tl::unexpected(refused ? *std::move(refused) : std::move(attached).error());
    }
    return format_result(result(*attached), config_.version);
  }

  /// What is attached goes before its address: nobody else may get one that is in use.
  Outcome<std::string> del() {
    std::string stays;
    WEFT_TRY(stays, detach().map_error(as_failure));
    if (!stays.empty()) {
      std::fprintf(stderr, "weft-cni: '%s' of container %s %s: left alone, its address stays\n",
                   invocation_.interface.c_str(), invocation_.container_id.c_str(), stays.c_str());
      return std::string();
    }
    WEFT_TRY(release());
    return std::string();
  }

  Outcome<std::string> check() {
    if (request_.addresses.empty()) {
      return refuse(Code::invalid_configuration,
                    "required prevResult with an address is missing for CHECK");
    }
    WEFT_TRY(expect_previous());
    auto interface = PodInterface::open(invocation_);
    if (!interface) {
      return tl::unexpected(as_failure(interface.error()));
    }
    Attached attached;
    WEFT_TRY(attached, interface->check(wanted_, previous_mac()).map_error(as_failure));
    WEFT_TRY(guard(attached.host_name, attached.pod_mac));
    WEFT_TRY(say(attached));
    return std::string();
  }

 private:
  [[nodiscard]] bool is_delegated() const { return !config_.ipam.type.empty(); }

  /// Fills `wanted_` and `addresses_` from IPAM and the daemon.
  Outcome<> allocate() {
    PodNetwork network;
    if (is_delegated()) {
      PodResult given;
      WEFT_TRY(given, delegate());
      auto found = network_of(given);
      if (!found) {
        undo();
        return tl::unexpected(std::move(found).error());
      }
      network = *std::move(found);
      addresses_ = delegated(given, network.addresses);
    } else {
      WEFT_TRY(network, daemon_.add(request_).map_error(while_allocating));
      addresses_ = configured(network.addresses, config_.ipam);
    }
    attempt_ = network.attempt;
    if (addresses_.empty()) {
      return refuse(Code::general, "IPAM plugin failed to allocate IP address");
    }
    expect(network, pod_routes(addresses_));
    for (const PodAddress& each : addresses_) {
      wanted_.addresses.push_back(each.address);
    }
    return {};
  }

  Outcome<PodResult> delegate() {
    std::string text;
    WEFT_TRY(
        text,
        run_plugin(config_.ipam.type, invocation_.path, config_text_).map_error(while_allocating));
    PodResult given;
    WEFT_TRY(given, parse_result(text).map_error(while_allocating));
    if (given.addresses.empty()) {
      return refuse(Code::general, "IPAM plugin failed to allocate IP address");
    }
    return given;
  }

  Outcome<PodNetwork> network_of(const PodResult& given) {
    PodRequest request = request_;
    request.addresses.clear();
    for (const ResultAddress& each : given.addresses) {
      request.addresses.push_back(each.address);
    }
    return daemon_.network(request);
  }

  static Failure while_allocating(Failure failure) {
    failure.message = "unable to allocate IP address: " + failure.message;
    return failure;
  }

  void expect(const PodNetwork& network, std::vector<PodRoute> routes) {
    is_guarding_ = network.guard;
    wanted_.bridge = config_.bridge.empty() ? network.bridge : config_.bridge;
    wanted_.mtu = choose_mtu(network);
    wanted_.hairpin = config_.hairpin;
    wanted_.routes = std::move(routes);
  }

  /// What exceeds the MTU of weftd's bridge would be lost there, without a word to its sender.
  std::uint32_t choose_mtu(const PodNetwork& network) const {
    if (config_.mtu == 0) {
      return network.mtu;
    }
    if (wanted_.bridge != network.bridge || config_.mtu <= network.mtu) {
      return config_.mtu;
    }
    std::fprintf(stderr, "weft-cni: 'mtu' is %u, but %s carries %u: the pod has %u\n", config_.mtu,
                 network.bridge.c_str(), network.mtu, network.mtu);
    return network.mtu;
  }

  /// Tells a daemon that guards ports what may come by this one.
  Outcome<> guard(const std::string& port, const net::Mac& mac) {
    if (!is_guarding_) {
      return {};
    }
    PodPort own{port, mac, {}, config_.guard};
    for (const net::Cidr& each : wanted_.addresses) {
      own.addresses.push_back(each.address);
    }
    return daemon_.guard(own).map_error([](Failure failure) {
      failure.message = "unable to guard the pod's port: " + failure.message;
      return failure;
    });
  }

  /// Tells the daemon, and by it everybody, of the pod.
  Outcome<> say(const Attached& attached) {
    return daemon_
        .attached({invocation_.container_id, invocation_.interface, attached.host_name,
                   attached.pod_mac, attached.host_mac, wanted_.addresses, invocation_.netns,
                   invocation_.kubernetes})
        .map_error([](Failure failure) {
          failure.message = "unable to announce the pod: " + failure.message;
          return failure;
        });
  }

  /// Fills `wanted_` from what ADD answered and what the daemon knows.
  Outcome<> expect_previous() {
    PodNetwork network;
    if (is_delegated()) {
      WEFT_TRY(run_plugin(config_.ipam.type, invocation_.path, config_text_));
      WEFT_TRY(network, network_of(*config_.previous));
    } else {
      WEFT_TRY(network, daemon_.check(request_));
      for (const net::Cidr& each : request_.addresses) {
        if (std::ranges::find(network.addresses, each, &PodAddress::address) ==
            network.addresses.end()) {
          return refuse(Code::general, "address " + to_string(each) +
                                           " is not allocated to container " +
                                           invocation_.container_id);
        }
      }
    }
    expect(network, config_.previous->routes);
    wanted_.addresses = request_.addresses;
    return {};
  }

  [[nodiscard]] std::optional<net::Mac> previous_mac() const {
    for (const ResultInterface& interface : config_.previous->interfaces) {
      if (interface.name == invocation_.interface && !interface.sandbox.empty()) {
        const auto mac = net::parse_mac(interface.mac);
        return mac ? std::optional(*mac) : std::nullopt;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] PodResult result(const Attached& attached) const {
    PodResult result;
    result.interfaces = {{wanted_.bridge, to_string(attached.bridge_mac), {}},
                         {attached.host_name, to_string(attached.host_mac), {}},
                         {invocation_.interface, to_string(attached.pod_mac), invocation_.netns}};
    for (const PodAddress& each : addresses_) {
      result.addresses.push_back({each.address, each.gateway, 2});
    }
    for (const PodRoute& route : wanted_.routes) {
      if (route.gateway) {
        result.routes.push_back(route);
      }
    }
    result.dns = config_.dns;
    return result;
  }

  /// Answers why something with its address stays.
  Result<std::string> detach() {
    const HeldAddresses held = [this] { return held_addresses(); };
    auto interface = invocation_.netns.empty()
                         ? Result<PodInterface>(fail(ENOENT, "find the pod's namespace"))
                         : PodInterface::open(invocation_);
    if (interface) {
      return interface->detach(held);
    }
    std::fprintf(stderr, "weft-cni: %s\n", interface.error().message().c_str());
    return remove_port(invocation_, held);
  }

  std::vector<net::IpAddress> held_addresses() const {
    std::vector<net::IpAddress> held;
    for (const net::Cidr& each : request_.addresses) {
      held.push_back(each.address);
    }
    if (const auto network = held.empty() ? daemon_.check(request_) : PodNetwork{}) {
      for (const PodAddress& each : network->addresses) {
        held.push_back(each.address.address);
      }
    }
    return held;
  }

  /// Gives back what this ADD was given, and nothing that the attachment had before. The error that
  /// led here is the one to report.
  void undo() {
    if (is_delegated()) {
      if (!was_there_) {
        std::ignore = run_plugin_del();
      }
    } else if (attempt_ != 0) {
      std::ignore = daemon_.undo(request_, attempt_);
    }
  }

  Outcome<> release() {
    if (is_delegated()) {
      std::ignore = daemon_.release(request_);  // it sees by itself that the port is gone
      WEFT_TRY(run_plugin_del());
      return {};
    }
    return daemon_.release(request_).map_error([](Failure failure) {
      failure.message = "unable to release IP address: " + failure.message;
      return failure;
    });
  }

  /// Also when rolling back an ADD: the delegate learns its command from the environment.
  Outcome<> run_plugin_del() {
    ::setenv("CNI_COMMAND", "DEL", /*overwrite=*/1);
    WEFT_TRY(run_plugin(config_.ipam.type, invocation_.path, config_text_));
    return {};
  }

  const Invocation& invocation_;
  const NetworkConfig& config_;
  std::string_view config_text_;
  Daemon daemon_;
  PodRequest request_;
  bool was_there_ = false;     // the interface, before this ADD
  std::uint64_t attempt_ = 0;  // as the daemon calls this ADD
  Attachment wanted_;
  bool is_guarding_ = false;           // the daemon does
  std::vector<PodAddress> addresses_;  // of ADD
};

}  // namespace

std::vector<PodAddress> configured(std::vector<PodAddress> addresses, const IpamConfig& config) {
  for (PodAddress& each : addresses) {
    const net::Family family = each.address.address.family;
    if (config.gateway && config.gateway->family == family) {
      each.gateway = config.gateway;
    }
    if (auto routes = routes_of(family, config.routes); !routes.empty()) {
      each.routes = std::move(routes);
    }
  }
  return addresses;
}

std::vector<PodAddress> delegated(const PodResult& given, const std::vector<PodAddress>& found) {
  std::vector<PodAddress> addresses;
  std::set<net::Family> routed;  // a second address of a family brings no routes
  for (const ResultAddress& each : given.addresses) {
    const net::Family family = each.address.address.family;
    PodAddress address{each.address, each.gateway, {}};
    const auto known = std::ranges::find(found, each.address, &PodAddress::address);
    if (!address.gateway && known != found.end()) {
      address.gateway = known->gateway;
    }
    if (routed.insert(family).second) {
      address.routes = routes_of(family, given.routes);
      if (address.routes.empty() && address.gateway) {
        address.routes.push_back(default_route(family));
      }
    }
    addresses.push_back(std::move(address));
  }
  return addresses;
}

std::vector<PodRoute> pod_routes(const std::vector<PodAddress>& addresses) {
  std::vector<PodRoute> routes;
  for (const PodAddress& each : addresses) {
    const bool is_used =
        std::ranges::any_of(each.routes, [](const PodRoute& route) { return !route.gateway; });
    if (each.gateway && is_used && !each.address.contains(*each.gateway)) {
      const auto host_prefix = static_cast<std::uint8_t>(each.gateway->width());
      routes.push_back({{*each.gateway, host_prefix}, std::nullopt});
    }
    for (PodRoute route : each.routes) {
      route.gateway = route.gateway ? route.gateway : each.gateway;
      routes.push_back(route);
    }
  }
  return routes;
}

Outcome<std::string> run_interface_command(const Invocation& invocation,
                                           const NetworkConfig& config,
                                           std::string_view config_text) {
  const std::filesystem::path socket = socket_path(config);
  const auto lock = AttachmentLock::take(socket.parent_path(), invocation.attachment());
  if (!lock) {
    return refuse(Code::try_again_later, lock.error().message());
  }
  PodCommand command{invocation, config, config_text};
  switch (invocation.command) {
    case Command::add:
      return command.add();
    case Command::del:
      return command.del();
    case Command::check:
      return command.check();
    case Command::version:
      break;
  }
  return format_versions();
}

Outcome<std::string> run_ipam_command(const Invocation& invocation, const NetworkConfig& config) {
  const Daemon daemon{socket_path(config)};
  const PodRequest request = pod_request(invocation, config);
  if (invocation.command == Command::del) {
    WEFT_TRY(daemon.release(request));
    return std::string();
  }
  PodNetwork network;
  if (invocation.command == Command::check) {
    WEFT_TRY(network, daemon.check(request));
  } else {
    WEFT_TRY(network, daemon.add(request));
  }
  if (network.addresses.empty()) {
    return refuse(Code::general, "no address is allocated to container " + invocation.container_id);
  }
  if (invocation.command == Command::check) {
    return std::string();
  }
  PodResult result;
  for (const PodAddress& each : network.addresses) {
    const auto& gateway = config.ipam.gateway;
    const bool is_meant = gateway && gateway->family == each.address.address.family;
    result.addresses.push_back({each.address, is_meant ? gateway : std::nullopt, {}});
  }
  result.routes = config.ipam.routes;
  result.dns = config.dns;
  return format_result(result, config.version);
}

}  // namespace weft::cni
