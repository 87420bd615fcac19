/// Calls the daemon's cni commands.

#include "daemon.hpp"

#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "runtime/control/client.hpp"

namespace weft::cni {
namespace {

// The daemon's own limit for finding an address is 30 s; kubelet waits for minutes.
constexpr std::chrono::seconds patience{45};

bool is_passing(const std::error_code& code) {
  if (code.category() == std::generic_category()) {
    return code.value() == ENOENT || code.value() == ECONNREFUSED || code.value() == ECONNRESET ||
           code.value() == EAGAIN;
  }
  return code == Errc::abandoned || code == Errc::closed || code == Errc::timeout ||
         code == Errc::pool_exhausted || code == Errc::cancelled;
}

}  // namespace

Failure failure_of_daemon(const Error& error) {
  if (error.code == Errc::not_found) {
    return {
        Code::try_again_later, error.message(),
        "weftd runs without its plugin cni, which has failed or is starting: see 'weft status'"};
  }
  if (is_passing(error.code)) {
    return {Code::try_again_later, error.message(),
            "weftd is down, starting, short of addresses, or has too many requests waiting"};
  }
  return {error.code == Errc::invalid ? Code::invalid_configuration : Code::general,
          error.message(),
          {}};
}

Outcome<std::string> Daemon::call(std::string_view command, std::string_view params) const {
  return control::call(socket_, command, params, patience).map_error(failure_of_daemon);
}

Outcome<PodNetwork> Daemon::ask(std::string_view command, const PodRequest& request) const {
  std::string answer;
  WEFT_TRY(answer, call(command, to_json(request)));
  return parse_pod_network(answer).map_error(as_failure);
}

Outcome<PodNetwork> Daemon::add(const PodRequest& request) const {
  return ask("cni.add", request);
}

Outcome<PodNetwork> Daemon::check(const PodRequest& request) const {
  return ask("cni.check", request);
}

Outcome<PodNetwork> Daemon::network(const PodRequest& request) const {
  return ask("cni.network", request);
}

Outcome<> Daemon::release(const PodRequest& request) const {
  WEFT_TRY(call("cni.release", to_json(request)));
  return {};
}

Outcome<> Daemon::undo(const PodRequest& request, std::uint64_t attempt) const {
  PodRequest undone = request;
  undone.attempt = attempt;
  WEFT_TRY(call("cni.undo", to_json(undone)));
  return {};
}

Outcome<> Daemon::guard(const PodPort& port) const {
  WEFT_TRY(call("cni.guard", to_json(port)));
  return {};
}

Outcome<> Daemon::attached(const events::PodAttached& pod) const {
  WEFT_TRY(call("cni.attached", to_json(pod)));
  return {};
}

}  // namespace weft::cni
