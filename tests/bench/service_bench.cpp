/// What a request costs. Budget: a call across two plugins' loops and back p50 <= 10 us.

#include <future>

#include <weft/service.hpp>
#include <weft/testing/running_loop.hpp>

#include "budget.hpp"
#include "runtime/service/registry.hpp"

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// A control service as plugins write them: the call is posted to the provider's own loop.
class Echo {
 public:
  static constexpr std::string_view service = "weft.bench.echo/1";
  virtual void echo(std::uint64_t number, Reply<std::uint64_t> reply) = 0;

 protected:
  ~Echo() = default;
};

class EchoProvider final : public Echo {
 public:
  explicit EchoProvider(Loop& loop) : loop_(loop) {}
  void echo(std::uint64_t number, Reply<std::uint64_t> reply) override {
    loop_.post([number, reply = std::move(reply)]() mutable { reply(number); });
  }

 private:
  Loop& loop_;
};

/// Calls again as soon as it is answered, until it has `wanted` samples.
struct Caller {
  Loop& loop;
  Echo& echo;
  std::size_t wanted;
  Samples& samples;
  std::promise<void> done{};
  Clock::time_point asked{};

  void ask() {
    asked = Clock::now();
    echo.echo(samples.size(), Reply<std::uint64_t>(loop, [this](const Result<std::uint64_t>&) {
                samples.add(std::chrono::duration<double>(Clock::now() - asked).count());
                if (samples.size() < wanted) {
                  ask();
                } else {
                  done.set_value();
                }
              }));
  }
};

void call_across_two_plugins_and_back(benchmark::State& state) {
  ServiceRegistry registry;
  testing::RunningLoop caller_loop;
  testing::RunningLoop provider_loop;
  const auto provider_view = registry.view("provider", std::nullopt);
  const auto caller_view = registry.view("caller", std::nullopt);
  EchoProvider provider(provider_loop);
  Services& offered = *provider_view;
  Services& used = *caller_view;
  if (!provider_loop.run([&] { return offered.provide<Echo>(provider); })) {
    state.SkipWithError("the service was not registered");
    return;
  }
  Samples samples;
  for (auto _ : state) {
    auto* const found = *caller_loop.run([&] { return used.require<Echo>(); });
    Caller caller{caller_loop, *found, samples.size() + 1000, samples};
    caller_loop.loop().post([&] { caller.ask(); });
    caller.done.get_future().wait();
    caller_loop.run([] {});  // the answering handler has ended
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(samples.size()));
  state.counters["p99_us"] = samples.quantile(0.99) * 1e6;
  hold_to(state, "p50", samples.quantile(0.5) * 1e6, 10, "us");
}
BENCHMARK(call_across_two_plugins_and_back)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(50);

}  // namespace
}  // namespace weft::bench
