#pragma once
/// A simulated world: virtual time, one deterministic queue of events, one seed.
///
/// Everything that happens is an event at a virtual time. Events run one after another on the
/// calling thread, in order of time and, at equal times, of their making; the same seed gives the
/// same run. Time jumps from event to event, so hours of a hundred idle nodes take seconds.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <weft/loop.hpp>
#include <weft/testing/sim_network.hpp>

namespace weft::testing {

class SimWorld;

/// A plugin's loop in the simulation. Owned by the world; lives as long as it.
class SimLoop final : public Loop {
 public:
  SimLoop(SimWorld& world, std::string name, std::uint32_t index);
  ~SimLoop();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Later posts and whatever still waits are dropped.
  void close() noexcept { is_closed_ = true; }
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }
  /// Runs `task` now, as if on this loop's thread. For tests and for starting plugins.
  void run(Task task);

  void post(Task task) noexcept override;
  [[nodiscard]] Timer after(Duration delay, Task task) override;
  [[nodiscard]] Timer every(Duration period, Task task) override;
  [[nodiscard]] bool is_current() const noexcept override;
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] WallTime wall_now() const noexcept override;
  [[nodiscard]] std::uint64_t random() noexcept override;
  void random_bytes(std::span<std::byte> out) noexcept override;
  /// Runs `work` inline, as an event of its own.
  void blocking(Task work, Task done) override;
  /// The descriptor is not looked at: it is ready when the test says so.
  [[nodiscard]] Result<FdWatch> watch(int fd, FdEvents events,
                                      UniqueFunction<void(FdEvents)> ready) override;

  /// Calls, as an event of its own, the handler of whoever watches `fd` for some of `events` then.
  /// Once: what the handler leaves unread is made ready again by the test.
  void make_ready(int fd, FdEvents events);

 private:
  friend class SimWorld;
  struct Watch;
  class WatchNode;

  SimWorld& world_;
  const std::string name_;
  const std::uint32_t index_;
  std::mt19937_64 random_;  // per loop: one more draw here changes nothing elsewhere
  std::map<int, std::shared_ptr<Watch>> watches_;
  bool is_closed_ = false;
};

/// Owns the clock, the queue, the loops and the network. Single-threaded.
class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed = 1);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  [[nodiscard]] SimLoop& add_loop(std::string name);
  [[nodiscard]] SimNetwork& network() noexcept { return *network_; }

  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  /// Virtual time since the world began.
  [[nodiscard]] Duration elapsed() const noexcept;
  /// The world's own randomness, for the network and for tests.
  [[nodiscard]] std::uint64_t random() noexcept { return random_(); }

  /// Runs `task` on `loop` (null: on none) `delay` from now.
  void schedule(Duration delay, SimLoop* loop, Task task) noexcept;

  /// Runs the next event. False when there is none.
  bool step();
  /// Runs every event of the next `duration` and moves the clock to its end.
  void run_for(Duration duration);
  /// Runs until `condition` holds, at most `limit`. Returns whether it holds.
  bool run_until(const std::function<bool()>& condition, Duration limit);

  /// Events run so far, and a digest of them all: equal digests mean equal runs.
  [[nodiscard]] std::uint64_t event_count() const noexcept { return event_count_; }
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }
  /// Makes `value` part of the digest; the network does so with what it delivers.
  void record(std::uint64_t value) noexcept;

 private:
  friend class SimLoop;

  struct Event {
    TimePoint at;
    std::uint64_t sequence;
    SimLoop* loop;
    Task task;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const noexcept {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };

  /// Runs the next event unless it lies beyond `limit`.
  bool step_until(TimePoint limit);
  void run_on(SimLoop* loop, Task& task);

  std::mt19937_64 random_;
  TimePoint now_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t event_count_ = 0;
  std::uint64_t digest_ = 14695981039346656037U;  // FNV-1a offset basis
  bool is_ending_ = false;
  SimLoop* current_ = nullptr;
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::unique_ptr<SimNetwork> network_;
  std::vector<Event> queue_;  // a heap by Later
};

}  // namespace weft::testing
