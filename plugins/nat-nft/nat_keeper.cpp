/// Changes the table for callers, and restores it after others changed it.

#include "nat_keeper.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <weft/answer_on.hpp>

namespace weft::nat {
namespace {

using namespace std::chrono_literals;

// Others change rules in bursts; one look after the burst is enough.
constexpr Duration settle_time = 100ms;
// How long the node's other parts have, after a restart, to ask again for what they had exposed.
constexpr Duration confirm_time = 60s;
// What a look at another program's chains takes of the time, at most: a twentieth.
constexpr int rest_factor = 20;
// After the kernel refused a repair.
constexpr Duration retry_time = 5s;

}  // namespace

Result<> NatKeeper::start(std::string bridge, Translation translation,
                          std::function<void(const std::string& trouble)> trouble) {
  trouble_ = std::move(trouble);
  auto kernel = Kernel::open();
  if (!kernel) {
    return tl::unexpected(std::move(kernel).error());
  }
  table_.emplace(std::move(*kernel), bridge, translation);
  WEFT_TRY(table_->adopt());
  WEFT_TRY(firewalls_.start(std::move(bridge)));
  keep_foreign();
  WEFT_TRY(watcher_, Watcher::open(
                         loop_, [this](const Change& change) { noticed(change); },
                         [this] { look_at_everything(); }));
  confirm_timer_ = loop_.after(confirm_time, [this] { drop_unconfirmed(); });
  return {};
}

void NatKeeper::stop() noexcept {
  if (std::exchange(is_in_trouble_, false)) {
    trouble_("");
  }
  confirm_timer_.cancel();
  repair_timer_.cancel();
  foreign_timer_.cancel();
  firewalls_.stop();
  watcher_.reset();
  table_.reset();
}

void NatKeeper::masquerade(net::Cidr network, Reply<> reply) {
  answer_on(loop_, std::move(reply),
            [this, network] { return change([&] { return table_->masquerade(network); }); });
}

void NatKeeper::stop_masquerade(net::Cidr network, Reply<> reply) {
  answer_on(loop_, std::move(reply),
            [this, network] { return change([&] { return table_->stop_masquerade(network); }); });
}

template <class Function>
Result<> NatKeeper::change(Function function) {
  if (!table_) {
    return fail(Errc::abandoned, "change the NAT table: the plugin is stopping");
  }
  auto done = function();
  say(table_->is_in_force() ? Result<>() : done);
  if (done) {
    keep_foreign();
  } else {
    repair_later(retry_time);
  }
  return done;
}

void NatKeeper::set_local_ranges(const std::vector<net::Cidr>& ranges) {
  if (const auto done = table_->set_local_ranges(ranges); !done) {
    log_.warn("local ranges not in the kernel, replacing the table", "error", done.error());
    repair();
  }
}

void NatKeeper::noticed(const Change& change) {
  if (change.port == table_->port()) {
    return;
  }
  if (change.is_in(table_name)) {
    table_is_damaged_ = true;
    repair_later(settle_time);
  } else if (change.is_in(iptables_table)) {
    keep_foreign_later();
  } else {
    firewalls_.look_soon();
  }
}

void NatKeeper::keep_foreign_later() {
  if (!std::exchange(is_foreign_look_pending_, true)) {
    foreign_timer_ = loop_.after(std::max(settle_time, next_foreign_look_ - loop_.now()),
                                 [this] { keep_foreign(); });
  }
}

void NatKeeper::look_at_everything() {
  table_is_damaged_ = true;
  firewalls_.look_soon();
  repair_later(settle_time);
}

void NatKeeper::repair_later(Duration delay) {
  if (!is_repair_pending_) {
    is_repair_pending_ = true;
    repair_timer_ = loop_.after(delay, [this] { repair(); });
  }
}

void NatKeeper::repair() {
  is_repair_pending_ = false;
  if (table_is_damaged_ || !table_->is_in_force()) {
    table_is_damaged_ = false;
    const auto done = table_->repair();
    say(done);
    if (!done) {
      repair_later(retry_time);
      return;
    }
    log_.info("NAT table restored");
  }
  keep_foreign();
}

void NatKeeper::say(const Result<>& in_force) {
  if (!in_force) {
    log_.error("NAT table not in force", "error", in_force.error());
  }
  if (!in_force || is_in_trouble_) {
    trouble_(in_force
                 ? ""
                 : "not in force, pods may not reach the outside: " + in_force.error().message());
  }
  is_in_trouble_ = !in_force;
}

void NatKeeper::keep_foreign() {
  is_foreign_look_pending_ = false;
  const TimePoint began = loop_.now();
  const auto changed = table_->repair_foreign();
  next_foreign_look_ = loop_.now() + (loop_.now() - began) * rest_factor;
  if (!changed) {
    log_.warn("forwarding may be dropped by another program's chain", "error", changed.error());
  } else if (*changed) {
    const auto& chain = table_->status().foreign_chain;
    log_.info("accept rules of iptables changed", "chain", chain ? chain->chain : "none");
  }
  firewalls_.set_networks(table_->status().exposed);
  firewalls_.look_soon();
}

void NatKeeper::drop_unconfirmed() {
  if (const auto done = table_->drop_unconfirmed(); !done) {
    say(done);
    repair_later(retry_time);
  }
}

}  // namespace weft::nat
