/// Keeps the events of attached pods, on the bus and on disk.

#include "attached_pods.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/attachment/exchange.hpp"

namespace weft::cni {
namespace {

using namespace std::chrono_literals;

constexpr Duration settle_time = 100ms;  // interfaces go in bursts
constexpr Duration look_retry = 5s;

}  // namespace

AttachedPods::AttachedPods(Loop& loop, Log& log, Bus& bus, HostProbe& probe)
    : loop_(loop), log_(log), bus_(bus), probe_(probe), stored_(loop, log, "cni/attached") {}

void AttachedPods::start(Store& store) {
  stored_.start(
      store, [this](const std::optional<Bytes>& value) { loaded(value); },
      [this] {
        std::vector<events::PodAttached> pods;
        for (const auto& [key, pod] : pods_) {
          pods.push_back(pod);
        }
        const std::string text = to_json(pods);
        const ByteView octets = as_bytes(text);
        return Bytes(octets.begin(), octets.end());
      });
}

void AttachedPods::stop() noexcept {
  look_timer_.cancel();
  stored_.stop();
}

void AttachedPods::loaded(const std::optional<Bytes>& value) {
  if (!value) {
    return;
  }
  auto pods = parse_attached_pods(as_text(*value));
  if (!pods) {
    log_.warn("pods that were attached before are not published", "error", pods.error());
    return;
  }
  for (events::PodAttached& pod : *pods) {
    std::string key = pod.key();
    pods_.try_emplace(std::move(key), std::move(pod));  // what came meanwhile is newer
  }
  compare();
  for (const auto& [key, pod] : pods_) {
    bus_.publish(pod);
  }
}

void AttachedPods::attach(events::PodAttached pod, Reply<> reply) {
  events::PodAttached& known = pods_[pod.key()];
  if (known != pod) {
    known = std::move(pod);
    bus_.publish(known);
    stored_.changed();
  }
  stored_.settle(std::move(reply));
}

void AttachedPods::detach(const AttachmentId& attachment) {
  const auto pod = pods_.find(attachment.container_id + "/" + attachment.interface);
  if (pod == pods_.end()) {
    return;
  }
  say_gone(std::move(pod->second));
  pods_.erase(pod);
  stored_.changed();
}

void AttachedPods::say_gone(events::PodAttached pod) {
  const std::string key = pod.key();
  pod.is_gone = true;
  bus_.publish(std::move(pod));
  bus_.retract<events::PodAttached>(key);
}

void AttachedPods::link_gone(std::string_view name) {
  const bool is_meant =
      name.empty()
          ? !pods_.empty()
          : std::ranges::any_of(pods_, [name](const auto& pod) { return pod.second.port == name; });
  if (is_meant && !std::exchange(is_look_pending_, true)) {
    look_timer_ = loop_.after(settle_time, [this] { compare(); });
  }
}

/// A port of that name may be there again by now: what counts is what is there.
void AttachedPods::compare() {
  is_look_pending_ = false;
  if (pods_.empty()) {
    return;
  }
  const auto ports = probe_.look();
  if (!ports) {
    log_.warn("attached pods not compared with interfaces", "error", ports.error());
    is_look_pending_ = true;
    look_timer_ = loop_.after(look_retry, [this] { compare(); });
    return;
  }
  const auto gone = std::erase_if(pods_, [&](auto& pod) {
    const bool is_gone = !ports->names.contains(pod.second.port);
    if (is_gone) {
      say_gone(std::move(pod.second));
    }
    return is_gone;
  });
  if (gone != 0) {
    stored_.changed();
  }
}

}  // namespace weft::cni
