#pragma once
/// Waits on the main thread for the answer of a service.

#include <future>
#include <memory>

#include "runtime/host/trial.hpp"

namespace weft::conformance {

/// How long any service may take to answer, with success or an error.
inline constexpr std::chrono::seconds answer_patience{40};

/// Calls `ask(Reply<T>)` on the loop of the trial's host. Errors: those of the answer;
/// Errc::timeout when none came within answer_patience.
template <class T, class Ask>
[[nodiscard]] Result<T> await(host::Trial& trial, Ask ask) {
  const auto answered = std::make_shared<std::promise<Result<T>>>();
  trial.loop().post([&loop = trial.loop(), answered, ask = std::move(ask)]() mutable {
    ask(Reply<T>(loop, [answered](Result<T> answer) { answered->set_value(std::move(answer)); }));
  });
  auto future = answered->get_future();
  if (future.wait_for(answer_patience) != std::future_status::ready) {
    return fail(Errc::timeout, "get an answer within 40 s");
  }
  return future.get();
}

}  // namespace weft::conformance
