/// The list of checks.

#include "check.hpp"

#include <algorithm>

namespace weft::conformance {

const std::vector<Check>& all_checks() {
  using std::chrono::seconds;
  static const std::vector<Check> checks{
      {"file.trusted", &check_trusted, false},
      {"file.manifest", &check_manifest, false},
      {"file.stamp", &check_stamp, false},
      {"file.exports", &check_exports, false},
      {"file.unique-symbols", &check_unique_symbols, false},
      {"file.text-relocations", &check_text_relocations, false},
      {"file.writable-state", &check_writable_state, false},
      {"load.constructors", &check_constructors, true},
      {"load.schema", &check_schema, true},
      {"load.unknown-key", &check_unknown_key, true},
      {"load.wrong-type", &check_wrong_type, true},
      {"life.start-stop", &check_life, true},
      {"life.threads", &check_threads, true},
      {"life.stop-under-load", &check_stop_under_load, true, seconds{60}},
      {"life.cycles", &check_cycles, true, seconds{300}},
      {"lanes.rules", &check_lanes, true, seconds{60}},
      {"kind.ipam", &check_ipam, true, seconds{60}},
      {"kind.nat", &check_nat, true},
      {"kind.overlay", &check_overlay, true, seconds{90}},
  };
  return checks;
}

bool provides(const Subject& subject, std::string_view interface) {
  const std::vector<std::string>& all = subject.manifest.provides;
  return std::ranges::find(all, interface) != all.end();
}

}  // namespace weft::conformance
