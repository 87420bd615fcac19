/// Formats guarded pods, and judges whether the guard is in force.

#include "guard_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace weft::cni {
namespace {

using doctor::Check;
using doctor::State;

constexpr auto check_name = "pod-guard";

}  // namespace

std::string guarded_json(const std::vector<GuardedPod>& pods) {
  auto list = nlohmann::json::array();
  for (const GuardedPod& pod : pods) {
    auto addresses = nlohmann::json::array();
    for (const net::IpAddress& address : pod.addresses) {
      addresses.push_back(to_string(address));
    }
    list.push_back(
        {{"port", pod.port}, {"mac", to_string(pod.mac)}, {"addresses", std::move(addresses)}});
  }
  return list.dump();
}

Result<std::vector<Check>> guard_checks(bool is_wanted, const std::string& error, PodGuard& guard) {
  if (!is_wanted) {
    return std::vector{Check{check_name, State::off, "switched off by [plugin.cni] pod-guard"}};
  }
  if (!guard.is_running()) {
    return std::vector{Check{check_name, State::wrong, "pods are not guarded: " + error,
                             "make nftables work for bridges and restart weftd"}};
  }
  std::vector<Check> checks;
  std::vector<std::string> differences;
  WEFT_TRY(differences, guard.differences());
  for (std::string& difference : differences) {
    checks.push_back({check_name, State::wrong, std::move(difference),
                      "find what changes it ('nft monitor'); weftd puts it back within seconds"});
  }
  if (checks.empty()) {
    checks.push_back(
        {check_name, State::ok, fmt::format("in force for {} pods", guard.pods().size())});
  }
  std::vector<std::string> unguarded;
  WEFT_TRY(unguarded, guard.unguarded_ports());
  if (!unguarded.empty()) {
    checks.push_back({check_name, State::note,
                      fmt::format("not guarded: {}", fmt::join(unguarded, ", ")),
                      "none for pods with podGuard = false; others were attached without the "
                      "guard: CHECK, or attach them again"});
  }
  if (guard.repairs() != 0) {
    checks.push_back(
        {check_name, State::note,
         fmt::format("other programs changed its table {} times; each was undone", guard.repairs()),
         "find which ('nft monitor')"});
  }
  return checks;
}

}  // namespace weft::cni
