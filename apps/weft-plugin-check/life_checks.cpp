/// What a plugin does while it lives in a node, and what it leaves behind.

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include <weft/events/peer.hpp>

#include "check.hpp"
#include "network.hpp"
#include "process_usage.hpp"
#include "stage.hpp"

namespace weft::conformance {
namespace {

using Trial = host::Trial;

/// What the allocator keeps differs a little from life to life, with each plugin in the node.
constexpr std::size_t allowed_bytes_per_life = 512;

std::string join(const std::vector<std::string>& clauses) {
  std::string text;
  for (const std::string& clause : clauses) {
    text += (text.empty() ? "" : ", ") + clause;
  }
  return text;
}

std::string to_text(Duration duration) {
  return fmt::format("{} ms",
                     std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

/// Stops the subject. An abandoned plugin never returned; a failed one said why.
Outcome judge_stop(std::unique_ptr<Trial> trial) {
  const TimePoint begin = host::MainLoop::now();
  trial->stop_subject();
  const Duration took = host::MainLoop::now() - begin;
  const host::PluginStatus status = trial->subject();
  if (trial->is_abandoned()) {
    static_cast<void>(trial.release());  // its thread still runs
    return failed(status.reason,
                  "stop() returns within 5 s: end timers and close sockets, and "
                  "wait for nothing");
  }
  if (status.state == host::PluginState::failed) {
    return failed(status.reason, "let no exception leave a handler; report errors with Host::fail");
  }
  if (const auto left = trial->left_behind(); !left.empty()) {
    return failed(
        fmt::format("after stop() there is still {}", join(left)),
        "reset every Subscription, CommandRegistration, Timer, FdWatch and stream in stop()");
  }
  return passed(fmt::format("stopped in {}, nothing left", to_text(took)));
}

/// Events of every topic that the SDK knows, as a busy node has them.
void publish_events(Bus& bus, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    events::PeerUp peer{};
    peer.name = PeerName{i % 50 + 2};
    peer.nickname = fmt::format("peer{}", i % 50);
    bus.publish(std::move(peer));
    bus.publish(events::PeerDown{PeerName{i % 50 + 2}, "peer"});
  }
}

/// The number of plugins in the node, or why the life failed.
tl::expected<std::size_t, std::string> run_life(const Subject& subject) {
  const TemporaryDirectory directory;
  auto trial = start_trial(subject, directory.path());
  if (!trial) {
    return tl::unexpected(trial.error().reason);
  }
  const std::size_t plugins = (*trial)->size();
  const Outcome stopped = judge_stop(*std::move(trial));
  if (stopped.status == Outcome::Status::fail) {
    return tl::unexpected(stopped.reason);
  }
  return plugins;
}

/// What the process held after some life.
struct Usage {
  std::size_t descriptors = count_descriptors();
  std::size_t threads = settled_threads(1);
  std::size_t bytes = heap_bytes();
};

Outcome judge_growth(const Usage& before, const Usage& end, unsigned lives, std::size_t plugins) {
  const std::size_t allowed = allowed_bytes_per_life * plugins;
  if (end.descriptors > before.descriptors) {
    return failed(fmt::format("{} lives leave {} descriptors open", lives,
                              end.descriptors - before.descriptors),
                  "close in stop() what start() opened; ls -l /proc/PID/fd names them");
  }
  if (end.threads > before.threads) {
    return failed(fmt::format("{} lives leave {} threads", lives, end.threads - before.threads),
                  "start no threads: use Loop::blocking for what blocks");
  }
  if (end.bytes > before.bytes + allowed * lives) {
    return failed(fmt::format("{} lives keep {} bytes each; {} are allowed", lives,
                              (end.bytes - before.bytes) / lives, allowed),
                  "free what the plugin allocated; the preset asan names the place");
  }
  return passed(fmt::format("{} bytes a life over the last {}, no descriptor, no thread",
                            end.bytes > before.bytes ? (end.bytes - before.bytes) / lives : 0,
                            lives));
}

}  // namespace

Outcome check_life(const Subject& subject) {
  const auto network = Network::make();
  if (!network) {
    return skipped(network.error().message());
  }
  const TemporaryDirectory directory;
  auto trial = start_trial(subject, directory.path());
  if (!trial) {
    return trial.error();
  }
  (*trial)->settle(std::chrono::seconds{1});
  return judge_stop(*std::move(trial));
}

Outcome check_threads(const Subject& subject) {
  const auto network = Network::make();
  if (!network) {
    return skipped(network.error().message());
  }
  const TemporaryDirectory directory;
  auto trial = make_trial(subject, directory.path());
  if (!trial) {
    return trial.error();
  }
  const std::size_t before = count_threads();
  if (const auto started = (*trial)->start(); !started) {
    static_cast<void>(trial->release());
    return skipped("it did not start");
  }
  // Opening the node starts its lane and its own loop.
  const std::size_t host_threads = before + 2;
  const std::size_t now = settled_threads(host_threads);
  static_cast<void>(trial->release());
  return now == host_threads
             ? passed("only the host's")
             : failed(fmt::format("start() leaves {} threads that are not the host's",
                                  now - host_threads),
                      "start no threads: use Loop::blocking for what blocks");
}

Outcome check_stop_under_load(const Subject& subject) {
  const auto network = Network::make();
  if (!network) {
    return skipped(network.error().message());
  }
  for (int round = 0; round < 5; ++round) {
    const TemporaryDirectory directory;
    auto trial = start_trial(subject, directory.path());
    if (!trial) {
      return trial.error();
    }
    (*trial)->loop().post([&bus = (*trial)->bus()] { publish_events(bus, 20'000); });
    publish_events((*trial)->bus(), 200);
    Outcome stopped = judge_stop(*std::move(trial));
    if (stopped.status == Outcome::Status::fail) {
      return stopped;
    }
  }
  return passed("5 times, while events come in");
}

Outcome check_cycles(const Subject& subject) {
  const auto network = Network::make();
  if (!network) {
    return skipped(network.error().message());
  }
  std::size_t plugins = 0;
  unsigned life = 0;
  const auto live = [&](unsigned lives) -> std::optional<Outcome> {
    for (unsigned i = 0; i < lives; ++i) {
      ++life;
      const auto lived = run_life(subject);
      if (!lived) {
        return failed(fmt::format("life {}: {}", life, lived.error()), "as life.start-stop says");
      }
      plugins = *lived;
    }
    return std::nullopt;
  };
  const unsigned warm_up = subject.cycles / 2;
  const unsigned measured = subject.cycles - warm_up;
  if (const auto died = live(warm_up)) {
    return *died;
  }
  Outcome outcome = passed("");
  for (int attempt = 0; attempt < 3; ++attempt) {  // what leaks does so again, what wavers does not
    const Usage before;
    if (const auto died = live(measured)) {
      return *died;
    }
    outcome = judge_growth(before, Usage(), measured, plugins);
    if (outcome.status != Outcome::Status::fail) {
      break;
    }
  }
  return outcome;
}

}  // namespace weft::conformance
