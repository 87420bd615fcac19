/// Makes again what another program deleted of the datapath.

#include <linux/netlink.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "fastdp.hpp"
#include "other_programs.hpp"

namespace weft::odp {
namespace {

/// Between attempts while the kernel refuses.
constexpr Duration retry_interval = std::chrono::milliseconds{200};
/// With the attempts this many, the pods are left to other overlays within a second.
constexpr unsigned max_attempts = 4;

}  // namespace

Result<> Fastdp::watch_kernel() {
  auto watcher = nl::Watcher::open(
      node_.loop, NETLINK_GENERIC, kernel_->groups(),
      [this](const nlmsghdr& message) {
        if (kernel_->is_deletion(message)) {
          restore_soon(Duration{0});
        }
      },
      [this] { restore_soon(Duration{0}); });
  if (!watcher) {
    return tl::unexpected(std::move(watcher).error());
  }
  watcher_.emplace(*std::move(watcher));
  return {};
}

/// Ports go one by one, and the datapath last: all of them are one fault.
void Fastdp::restore_soon(Duration wait) {
  if (!std::exchange(is_restore_due_, true)) {
    restore_timer_ = node_.loop.after(wait, [this] {
      is_restore_due_ = false;
      restore();
    });
  }
}

void Fastdp::restore() {
  const auto done = restore_ports();
  if (done) {
    failed_attempts_ = 0;
    return;
  }
  if (++failed_attempts_ < max_attempts) {
    restore_soon(retry_interval);
    return;
  }
  abandon_datapath();
  node_.fail(
      {done.error().code, fmt::format("restore the datapath '{}', deleted by {}: {}",
                                      settings_.datapath, deleter(), done.error().message())});
}

Result<> Fastdp::restore_ports() {
  bool is_new = false;
  std::vector<Vport> before;
  std::vector<Vport> after;
  WEFT_TRY(is_new, kernel_->restore());
  if (is_new) {
    flows_->clear();
  }
  WEFT_TRY(before, kernel_->vports());
  WEFT_TRY(tunnels_->ensure_own());
  for (const auto& [forwarder, session] : sessions_.all()) {
    if (!session->output()) {
      continue;  // it never got a tunnel, or has failed
    }
    Vport tunnel;
    WEFT_TRY(tunnel, tunnels_->ensure_for(session->link()));
    session->set_port(tunnel.number);
  }
  if (joined_) {
    WEFT_TRY(join_ports());
  } else {
    publish_view();
  }
  WEFT_TRY(after, kernel_->vports());
  if (is_new) {
    node_.log.warn("datapath deleted and made again", "datapath", settings_.datapath, "ports",
                   after.size(), "by", deleter());
  }
  for (const Vport& port : after) {
    if (!is_new && std::ranges::count(before, port.name, &Vport::name) == 0) {
      node_.log.warn("port of the datapath deleted and made again", "port", port.name, "by",
                     deleter());
    }
  }
  if (is_new || after.size() != before.size()) {
    counters_.restored.add();
  }
  return {};
}

}  // namespace weft::odp
