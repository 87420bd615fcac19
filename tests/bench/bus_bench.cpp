/// What publishing costs. Budgets: publish to one subscriber p50 <= 1 us; 10,000 events/s under 5 %
/// of a core.

#include <future>
#include <semaphore>

#include <time.h>

#include <weft/testing/running_loop.hpp>

#include "budget.hpp"
#include "runtime/bus/bus_core.hpp"
#include "runtime/metrics/registry.hpp"

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// A signal of the size of the mesh's.
struct Moved {
  static constexpr std::string_view topic = "weft.bench.moved/1";
  std::uint64_t number = 0;
  std::string nickname;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double process_cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

/// One publisher and one subscriber, each on a thread of its own.
class Pair {
 public:
  Pair() {
    to_.run([this] {
      subscription_ = reader_->subscribe<Moved>([this](const Moved& event) {
        if (event.number % batch == 0) {
          batch_done_.release();
        }
      });
    });
  }
  ~Pair() {
    to_.run([this] { subscription_ = {}; });
  }

  /// How many events are published before the reader is waited for.
  static constexpr std::uint64_t batch = 32;

  /// Publishes from the publisher's loop; adds each call's duration to `samples`.
  void publish_batch(Samples& samples) {
    from_.run([&] {
      for (std::uint64_t i = 0; i < batch; ++i) {
        const auto start = Clock::now();
        writer_->publish(Moved{++last_, "node-1"});
        samples.add(seconds_since(start));
      }
    });
    batch_done_.acquire();
  }

  [[nodiscard]] Loop& publisher() { return from_.loop(); }
  void publish_one() { writer_->publish(Moved{++last_, "node-1"}); }

 private:
  MetricRegistry metrics_;
  BusCore core_{metrics_};
  testing::RunningLoop from_;
  testing::RunningLoop to_;
  std::unique_ptr<BusView> writer_ = core_.view("writer", from_);
  std::unique_ptr<BusView> reader_ = core_.view("reader", to_);
  std::counting_semaphore<> batch_done_{0};
  std::uint64_t last_ = 0;
  Subscription subscription_;
};

void publish_to_one_subscriber(benchmark::State& state) {
  Pair pair;
  Samples samples;
  for (auto _ : state) {
    pair.publish_batch(samples);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(samples.size()));
  state.counters["p99_us"] = samples.quantile(0.99) * 1e6;
  hold_to(state, "p50", samples.quantile(0.5) * 1e6, 1.0, "us");
}
BENCHMARK(publish_to_one_subscriber)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime()
    ->Iterations(5000);

/// Ten events each millisecond for two seconds; the process does nothing else.
void ten_thousand_events_each_second(benchmark::State& state) {
  constexpr int ticks = 2000;
  for (auto _ : state) {
    Pair pair;
    std::promise<void> done;
    Timer timer;
    int ticked = 0;
    const double cpu_before = process_cpu_seconds();
    const auto start = Clock::now();
    pair.publisher().post([&] {
      timer = pair.publisher().every(std::chrono::milliseconds{1}, [&] {
        if (ticked < ticks) {
          for (int i = 0; i < 10; ++i) {
            pair.publish_one();
          }
        }
        if (++ticked == ticks) {
          done.set_value();
        }
      });
    });
    done.get_future().wait();
    const double wall = seconds_since(start);
    const double cpu = process_cpu_seconds() - cpu_before;
    std::promise<void> ended;
    pair.publisher().post([&] {
      timer.cancel();
      ended.set_value();
    });
    ended.get_future().wait();
    state.counters["events_each_second"] = 10 * ticks / wall;
    state.counters["cpu_us_per_event"] = cpu * 1e6 / (10 * ticks);
    // What 10,000 of them would take of a second, however late the ticks were.
    hold_to(state, "cpu_share", cpu / (10 * ticks) * 10'000 * 100, 5, "percent");
  }
}
BENCHMARK(ten_thousand_events_each_second)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace weft::bench
