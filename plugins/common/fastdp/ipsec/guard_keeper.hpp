#pragma once
/// Restores the guard after another program changed or flushed it.

#include <memory>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/nft/watcher.hpp>
#include <weft/result.hpp>

#include "ipsec.hpp"

namespace weft::ipsec {

/// Watches nftables on `loop`, and repairs at once: until then packets
/// could pass in clear. Owned by the plugin beside its Ipsec, which outlives it; one thread.
class GuardKeeper {
 public:
  /// In the network namespace of the calling thread. Errors: the kernel's.
  [[nodiscard]] static Result<std::unique_ptr<GuardKeeper>> open(Loop& loop, Log& log,
                                                                 Ipsec& ipsec);

 private:
  GuardKeeper(Loop& loop, Log& log, Ipsec& ipsec) : loop_(loop), log_(log), ipsec_(ipsec) {}

  void repair_after(Duration delay);
  void repair();

  Loop& loop_;
  Log& log_;
  Ipsec& ipsec_;
  std::unique_ptr<nft::Watcher> watcher_;
  Timer repair_;  // last
};

}  // namespace weft::ipsec
