#pragma once
/// The running weftd, as the CNI plugin uses it.

#include <string>
#include <string_view>

#include "common/attachment/exchange.hpp"
#include "failure.hpp"

namespace weft::cni {

/// Asks over the control socket; every call is one connection. Errors: Code::try_again_later when
/// weftd is down, starting, short of addresses, or busy with others that wait.
class Daemon {
 public:
  explicit Daemon(std::string socket) : socket_(std::move(socket)) {}

  [[nodiscard]] Outcome<PodNetwork> add(const PodRequest& request) const;
  [[nodiscard]] Outcome<PodNetwork> check(const PodRequest& request) const;
  [[nodiscard]] Outcome<PodNetwork> network(const PodRequest& request) const;
  [[nodiscard]] Outcome<> release(const PodRequest& request) const;
  [[nodiscard]] Outcome<> undo(const PodRequest& request, std::uint64_t attempt) const;
  [[nodiscard]] Outcome<> guard(const PodPort& port) const;
  [[nodiscard]] Outcome<> attached(const events::PodAttached& pod) const;

 private:
  [[nodiscard]] Outcome<std::string> call(std::string_view command, std::string_view params) const;
  [[nodiscard]] Outcome<PodNetwork> ask(std::string_view command, const PodRequest& request) const;

  std::string socket_;
};

/// What a failed call means for whoever runs CNI plugins.
[[nodiscard]] Failure failure_of_daemon(const Error& error);

}  // namespace weft::cni
