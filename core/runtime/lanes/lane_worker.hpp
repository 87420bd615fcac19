#pragma once
/// One lane: its thread, its tasks, its sleep.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <weft/export.hpp>
#include <weft/lane.hpp>

#include "runtime/lanes/epoch.hpp"
#include "runtime/lanes/scratch_arena.hpp"

namespace weft {

/// How one lane is doing.
struct LaneStatistics {
  unsigned index = 0;
  std::size_t tasks = 0;
  std::uint64_t cycles = 0;
  std::uint64_t polls = 0;    ///< calls of tasks, over all poll cycles
  std::uint64_t batches = 0;  ///< poll cycles that found frames
  std::uint64_t frames = 0;   ///< as tasks reported them
  std::uint64_t sleeps = 0;
  /// Buffers refused because the poll cycle's supply was used up.
  std::uint64_t scratch_exhausted = 0;
  Duration cpu_time{0};
  Duration running{0};  ///< since the lane's thread was started
};

/// Runs tasks on the thread `lane:<index>`. Control methods from any control thread; they change
/// the list of tasks by replacing it, so that the lane takes no lock. Owned by its LaneSet.
class WEFT_EXPORT LaneWorker final : public Lane {
 public:
  using Tasks = std::vector<LaneTask*>;

  LaneWorker(unsigned index, const Epoch& epoch);
  ~LaneWorker();
  LaneWorker(const LaneWorker&) = delete;
  LaneWorker& operator=(const LaneWorker&) = delete;

  /// Errors: the errno of epoll or eventfd.
  [[nodiscard]] Result<> start();
  /// Ends the thread after its poll cycle. Idempotent.
  void stop() noexcept;

  /// Adds a task from the lane's next poll cycle on. Returns the list that the lane may still read:
  /// keep it until the lane's next quiescent point.
  [[nodiscard]] std::unique_ptr<const Tasks> add(LaneTask& task, const std::vector<int>& wake_fds);
  /// Removes a task, which the lane may still use until its next quiescent point. Returns as `add`.
  [[nodiscard]] std::unique_ptr<const Tasks> remove(LaneTask& task,
                                                    const std::vector<int>& wake_fds);

  [[nodiscard]] const EpochReader& reader() const noexcept { return reader_; }
  [[nodiscard]] LaneStatistics statistics() const;
  /// True on any lane's thread.
  [[nodiscard]] static bool is_on_lane() noexcept;
  /// True while a lane runs its tasks on the calling thread: where the rules of lanes hold.
  [[nodiscard]] static bool is_in_task() noexcept;

  [[nodiscard]] Frame scratch(std::uint32_t bytes) noexcept override;

 private:
  void run() noexcept;
  [[nodiscard]] unsigned run_cycle() noexcept;
  void sleep() noexcept;
  void wake() noexcept;
  [[nodiscard]] Duration cpu_time() const noexcept;
  [[nodiscard]] std::unique_ptr<const Tasks> replace(Tasks next);

  /// Counted by the lane alone, read by others.
  struct Counts {
    std::atomic<std::uint64_t> cycles{0};
    std::atomic<std::uint64_t> polls{0};
    std::atomic<std::uint64_t> batches{0};
    std::atomic<std::uint64_t> frames{0};
    std::atomic<std::uint64_t> sleeps{0};
    std::atomic<std::uint64_t> scratch_exhausted{0};
  };

  const Epoch& epoch_;
  EpochReader reader_;
  std::atomic<const Tasks*> tasks_;
  std::atomic<bool> is_stopping_{false};
  Counts counts_;
  ScratchArena arena_;
  TimePoint last_busy_turn_{};
  int epoll_fd_ = -1;
  int wake_fd_ = -1;

  mutable std::mutex mutex_;  // of control threads, never taken on the lane
  std::unique_ptr<const Tasks> owner_;
  std::thread thread_;
  TimePoint started_{};
  pthread_t native_thread_{};
};

}  // namespace weft
