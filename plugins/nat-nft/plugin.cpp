/// Provides weft.nat/1 and keeps its rules in the kernel whatever else happens there.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <weft/events/address.hpp>
#include <weft/plugin.hpp>
#include <weft/service/nat.hpp>

#include "nat_table.hpp"
#include "status.hpp"
#include "watcher.hpp"

namespace weft::nat {
namespace {

using namespace std::chrono_literals;

// Others change rules in bursts; one look after the burst is enough.
constexpr Duration settle_time = 100ms;
// How long the node's other parts have, after a restart, to ask again for what they had exposed.
constexpr Duration confirm_time = 60s;
// After the kernel refused a repair.
constexpr Duration retry_time = 5s;

}  // namespace

/// Everything runs on the plugin's loop; calls of the service are posted there. The rules stay when
/// the plugin stops: pods keep their connections while the node restarts.
class NatNft final : public Plugin, public Nat {
 public:
  explicit NatNft(Host& host) : host_(host) {}

  void describe(Schema& schema) override {
    schema.field("bridge", bridge_, "The bridge that pods attach to.");
  }

  Result<> start() override {
    auto kernel = Kernel::open();
    if (!kernel) {
      return tl::unexpected(std::move(kernel).error());
    }
    table_.emplace(std::move(*kernel), bridge_);
    WEFT_TRY(table_->adopt());
    keep_foreign();
    WEFT_TRY(watcher_, Watcher::open(
                           host_.loop().io(), [this](const Change& change) { noticed(change); },
                           [this] { look_at_everything(); }));
    WEFT_TRY(command_, host_.control().serve("nat.status", [this](const std::string& /*params*/,
                                                                  Reply<std::string> answer) {
      answer(to_json(table_->status()));
    }));
    confirm_timer_ = host_.loop().after(confirm_time, [this] { drop_unconfirmed(); });
    ranges_ = host_.bus().subscribe<events::LocalRangesChanged>(
        [this](const auto& event) { set_local_ranges(event.ranges); });
    return host_.services().provide<Nat>(*this);
  }

  void stop() noexcept override {
    ranges_ = {};
    confirm_timer_.cancel();
    repair_timer_.cancel();
    command_ = {};
    watcher_.reset();
    table_.reset();
  }

  void masquerade(net::Cidr network, Reply<> reply) override {
    host_.loop().post([this, network, reply = std::move(reply)]() mutable {
      reply(change([&] { return table_->masquerade(network); }));
    });
  }

  void stop_masquerade(net::Cidr network, Reply<> reply) override {
    host_.loop().post([this, network, reply = std::move(reply)]() mutable {
      reply(change([&] { return table_->stop_masquerade(network); }));
    });
  }

 private:
  template <class Function>
  Result<> change(Function function) {
    if (!table_) {
      return fail(Errc::abandoned, "change the NAT table: the plugin is stopping");
    }
    auto done = function();
    if (done) {
      keep_foreign();
    } else {
      repair_later(retry_time);
    }
    return done;
  }

  void set_local_ranges(const std::vector<net::Cidr>& ranges) {
    if (const auto done = table_->set_local_ranges(ranges); !done) {
      host_.log().warn("local ranges not in the kernel, replacing the table", "error",
                       done.error());
      repair();
    }
  }

  void noticed(const Change& change) {
    if (change.port == table_->port()) {
      return;
    }
    if (change.table == table_name) {
      table_is_damaged_ = true;
      repair_later(settle_time);
    } else if (change.table == iptables_table) {
      repair_later(settle_time);
    }
  }

  void look_at_everything() {
    table_is_damaged_ = true;
    repair_later(settle_time);
  }

  void repair_later(Duration delay) {
    if (!is_repair_pending_) {
      is_repair_pending_ = true;
      repair_timer_ = host_.loop().after(delay, [this] { repair(); });
    }
  }

  void repair() {
    is_repair_pending_ = false;
    if (table_is_damaged_ || !table_->is_in_force()) {
      table_is_damaged_ = false;
      if (const auto done = table_->repair(); !done) {
        host_.log().error("NAT table not in force", "error", done.error());
        repair_later(retry_time);
        return;
      }
      host_.log().info("NAT table restored");
    }
    keep_foreign();
  }

  void keep_foreign() {
    const auto changed = table_->repair_foreign();
    if (!changed) {
      host_.log().warn("forwarding may be dropped by another program's chain", "error",
                       changed.error());
    } else if (*changed) {
      host_.log().info("accept rules inserted", "chain", table_->status().foreign_chain->chain);
    }
  }

  void drop_unconfirmed() {
    if (const auto done = table_->drop_unconfirmed(); !done) {
      host_.log().error("NAT table not in force", "error", done.error());
      repair_later(retry_time);
    }
  }

  Host& host_;
  std::string bridge_ = "weave";
  std::optional<NatTable> table_;
  bool table_is_damaged_ = false;
  bool is_repair_pending_ = false;
  std::unique_ptr<Watcher> watcher_;
  CommandRegistration command_;
  Timer confirm_timer_;
  Timer repair_timer_;
  Subscription ranges_;
};

}  // namespace weft::nat

WEFT_PLUGIN(weft::nat::NatNft)
