/// Repairs on every change of the guard's table that is not our own.

#include "guard_keeper.hpp"

#include <chrono>

namespace weft::ipsec {
namespace {

constexpr Duration at_once{0};                 // but once for all notifications that are there
constexpr std::chrono::seconds retry_time{5};  // after the kernel refused a repair

}  // namespace

Result<std::unique_ptr<GuardKeeper>> GuardKeeper::open(Loop& loop, Log& log, Ipsec& ipsec) {
  std::uint32_t own_port = 0;
  WEFT_TRY(own_port, ipsec.firewall_port());
  std::unique_ptr<GuardKeeper> keeper(new GuardKeeper(loop, log, ipsec));
  WEFT_TRY(keeper->watcher_, nft::Watcher::open(
                                 loop,
                                 [own_port, keeper = keeper.get()](const nft::Change& change) {
                                   if (change.is_in(firewall_table) && change.port != own_port) {
                                     keeper->repair_after(at_once);
                                   }
                                 },
                                 [keeper = keeper.get()] { keeper->repair_after(at_once); }));
  return keeper;
}

void GuardKeeper::repair_after(Duration delay) {
  repair_ = loop_.after(delay, [this] { repair(); });
}

void GuardKeeper::repair() {
  if (const auto done = ipsec_.repair(); !done) {
    log_.error("encryption guard not in force", "error", done.error());
    repair_after(retry_time);
    return;
  }
  log_.warn("encryption guard restored after another program changed it");
}

}  // namespace weft::ipsec
