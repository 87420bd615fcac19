#pragma once
/// For tests only: a path between a peer and a kernel that the test makes up, with a clock that it
/// moves.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "datagram.hpp"
#include "path.hpp"

namespace weft::sleeve::testing {

using namespace std::chrono_literals;

inline constexpr TimePoint start{1h};
inline constexpr std::uint64_t uid = 0x0123456789abcdef;

inline net::Endpoint endpoint(const char* text) {
  return *net::parse_endpoint(text);
}

inline PathConfig dialled() {
  return {.connection_uid = uid,
          .remote = endpoint("10.99.0.2:6783"),
          .packet_header_bytes = clear_header_bytes,
          .heartbeat = 0ms,
          .timeout = 0ms,
          .random = [number = std::uint64_t{0}]() mutable { return number++; }};
}

inline PathConfig accepted() {
  PathConfig config = dialled();
  config.remote.reset();
  return config;
}

inline PathConfig between_weft_peers() {
  PathConfig config = dialled();
  config.heartbeat = 200ms;
  config.timeout = 700ms;
  return config;
}

template <class T>
std::size_t count(const Actions& actions) {
  return static_cast<std::size_t>(std::ranges::count_if(
      actions, [](const Action& action) { return std::holds_alternative<T>(action); }));
}

template <class T>
const T* find(const Actions& actions) {
  for (const Action& action : actions) {
    if (const auto* const found = std::get_if<T>(&action)) {
      return found;
    }
  }
  return nullptr;
}

inline Bytes verified(std::uint32_t mtu) {
  Bytes body(2);
  store_be(body.data(), static_cast<std::uint16_t>(mtu));
  return body;
}

inline overlay::RouteMtu route(std::uint32_t mtu) {
  return {mtu, mtu};
}

/// Runs a path against a peer that answers tests up to `real_mtu`, over an interface of
/// `interface_mtu` and a kernel that was told of `reported_mtu`. Time passes only in advance().
class Link {
 public:
  explicit Link(const PathConfig& config) : path(config) {}

  void run(const Actions& actions) {
    for (const Action& action : actions) {
      heartbeats += std::holds_alternative<action::SendHeartbeat>(action) ? 1 : 0;
      fragmentation_tests += std::holds_alternative<action::SendFragmentationTest>(action) ? 1 : 0;
      has_failed |= std::holds_alternative<action::Fail>(action);
      remotes += std::holds_alternative<action::RemoteChanged>(action) ? 1 : 0;
      refusals += std::holds_alternative<action::MoveRefused>(action) ? 1 : 0;
      if (const auto* const probe = std::get_if<action::SendAddressProbe>(&action)) {
        probed.push_back(probe->to);
        if (probe->to == peer_at || probe->to == relay_at) {
          run(*path.on_control(3, verified(probe->mtu), now));
        }
      }
      if (std::holds_alternative<action::QueryRoute>(action)) {
        run(path.on_route({interface_mtu, std::min(reported_mtu, interface_mtu)}, now));
      }
      if (const auto* const test = std::get_if<action::SendMtuTest>(&action)) {
        tests.push_back(test->mtu);
        if (test->mtu <= real_mtu) {
          run(*path.on_control(3, verified(test->mtu), now));
        }
      }
    }
  }

  void advance(Duration by) {
    const TimePoint end = now + by;
    while (path.next_deadline() && *path.next_deadline() <= end) {
      now = std::max(now, *path.next_deadline());
      if (peer_is_alive) {
        run(path.on_heartbeat(*peer_at, now));
      }
      run(path.on_timer(now, last_heard));
    }
    now = end;
  }

  void establish() {
    run(path.confirm(now));
    run(path.on_heartbeat(endpoint("10.99.0.2:6783"), now));
    run(*path.on_control(1, {}, now));
  }

  Path path;
  TimePoint now = start;
  TimePoint last_heard{};
  std::uint32_t interface_mtu = 1500;
  std::uint32_t reported_mtu = UINT32_MAX;
  std::uint32_t real_mtu = 65535;
  bool peer_is_alive = true;
  std::optional<net::Endpoint> peer_at = endpoint("10.99.0.2:6783");
  std::optional<net::Endpoint> relay_at{};  // whatever is sent here reaches the peer too
  int remotes = 0;
  int refusals = 0;
  std::vector<net::Endpoint> probed;
  bool has_failed = false;
  int heartbeats = 0;
  int fragmentation_tests = 0;
  std::vector<std::uint32_t> tests;
};

}  // namespace weft::sleeve::testing
