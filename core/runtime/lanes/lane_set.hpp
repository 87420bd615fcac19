#pragma once
/// The node's lanes.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include <weft/export.hpp>
#include <weft/lane.hpp>

#include "runtime/lanes/epoch.hpp"
#include "runtime/lanes/lane_worker.hpp"
#include "runtime/loop/blocking_pool.hpp"

namespace weft {

/// Owned by the host; outlives every plugin. Control threads only.
class WEFT_EXPORT LaneSet final : public Lanes {
 public:
  /// `count` is 1 to max_lanes. Retired objects are dropped on a thread of `pool`, which outlives
  /// this.
  LaneSet(unsigned count, BlockingPool& pool);
  /// Stops the lanes and drops what was retired.
  ~LaneSet();
  LaneSet(const LaneSet&) = delete;
  LaneSet& operator=(const LaneSet&) = delete;

  /// 1 up to two processors, else half of them, at most max_lanes.
  [[nodiscard]] static unsigned default_count(unsigned processors) noexcept;

  /// Starts the threads. Errors: the errno of what could not be made.
  [[nodiscard]] Result<> start();
  /// Ends the threads; tasks that are still registered are no longer called. Idempotent.
  void stop() noexcept;
  /// Returns after everything retired so far was dropped: a plugin's code may go away then.
  void drain_retired() noexcept;
  [[nodiscard]] std::vector<LaneStatistics> statistics() const;

  [[nodiscard]] unsigned count() const noexcept override;
  [[nodiscard]] LaneRegistration add(unsigned lane, LaneTask& task,
                                     std::vector<int> wake_fds) override;
  void synchronize() noexcept override;
  void retire(std::shared_ptr<const void> object) noexcept override;

 private:
  void drop_retired() noexcept;

  BlockingPool& pool_;
  Epoch epoch_;
  std::vector<std::unique_ptr<LaneWorker>> workers_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable all_dropped_;
  std::vector<std::shared_ptr<const void>> retired_;
  bool is_dropping_ = false;
};

}  // namespace weft
