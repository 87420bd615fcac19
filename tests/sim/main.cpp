/// weft-sim: runs a scenario from a seed; exit 1 with a readable account when something breaks.

#include <cstdio>
#include <string>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "converge.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Simulates clusters of unchanged weft control planes in virtual time."};
  std::string scenario = "converge";
  std::size_t nodes = 20;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  bool repeats = false;
  app.add_option("--scenario", scenario, "What happens to the cluster")
      ->check(CLI::IsMember({"converge"}));
  app.add_option("--nodes", nodes, "How many nodes")->check(CLI::Range(2, 1000));
  app.add_option("--seed", seed, "The first seed; the same seed gives the same run");
  app.add_option("--seeds", seeds, "How many seeds, one after another")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--repeat", repeats, "Run every seed twice and compare the hashes");
  CLI11_PARSE(app, argc, argv);

  bool is_ok = true;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const weft::sim::Outcome outcome = weft::sim::converge(nodes, seed + i);
    for (const std::string& violation : outcome.violations) {
      fmt::print("violation: {}\n", violation);
    }
    is_ok = is_ok && outcome.violations.empty();
    if (repeats && weft::sim::converge(nodes, seed + i).digest != outcome.digest) {
      fmt::print("violation: the second run of seed {} differs from the first\n", seed + i);
      is_ok = false;
    }
    fmt::print("{}\n", outcome.summary);
    std::fflush(stdout);
  }
  return is_ok ? 0 : 1;
}
