/// What an author waits for. Budget: the hello plugin compiles and links in under 5 s, without a
/// compiler cache or a precompiled header.

#include <chrono>
#include <cstdlib>
#include <string>

#include "budget.hpp"

namespace weft::bench {
namespace {

void compile_hello_plugin(benchmark::State& state) {
  const std::string command = WEFT_COMPILER
      " -std=c++20 -O2 -g -fPIC -shared -fvisibility=hidden -fno-gnu-unique -DFMT_SHARED "
      "-I" WEFT_SOURCE_DIR "/sdk/include " WEFT_SOURCE_DIR
      "/sdk/examples/hello/plugin.cpp "
      "-o " WEFT_BINARY_DIR "/tests/bench/hello-compiled.so -L" WEFT_BINARY_DIR
      "/core -lweft-core -lfmt";
  Samples samples;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    if (std::system(command.c_str()) != 0) {  // NOLINT(cert-env33-c): our own text
      state.SkipWithError("the compiler failed");
      return;
    }
    samples.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  hold_to(state, "p50", samples.quantile(0.5), 5, "s");
}
BENCHMARK(compile_hello_plugin)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(3);

}  // namespace
}  // namespace weft::bench
