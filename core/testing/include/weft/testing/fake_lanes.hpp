#pragma once
/// Lanes without threads: a test runs their poll cycles.

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/lane.hpp>

namespace weft::testing {

/// One lane. `cycle` runs what a lane's thread does in one poll cycle, on the calling thread.
class FakeLanes final : public Lanes {
 public:
  /// Without a clock, each poll cycle takes ten microseconds.
  explicit FakeLanes(std::function<TimePoint()> clock = {});
  ~FakeLanes();

  /// Polls every task, then flushes every task; returns how many frames were handled.
  unsigned cycle(unsigned budget = max_batch);
  /// Cycles until every task is idle.
  void cycle_until_idle();
  /// The lane, for calling dataplane code directly. Its scratch buffers last until the next poll
  /// cycle.
  [[nodiscard]] Lane& lane() noexcept;

  [[nodiscard]] unsigned count() const noexcept override { return 1; }
  [[nodiscard]] LaneRegistration add(unsigned lane, LaneTask& task,
                                     std::vector<int> wake_fds) override;
  void synchronize() noexcept override {}
  /// Drops `object` at once: nothing runs meanwhile.
  void retire(std::shared_ptr<const void> object) noexcept override { object.reset(); }

 private:
  class FakeLane;
  std::unique_ptr<FakeLane> lane_;
  std::shared_ptr<std::vector<LaneTask*>> tasks_;
};

}  // namespace weft::testing
