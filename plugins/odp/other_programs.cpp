/// Looks for Open vSwitch's daemon.

#include "other_programs.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <string>

namespace weft::odp {

bool is_vswitchd_running() {
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename();
    if (!std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; })) {
      continue;
    }
    std::ifstream file(at->path() / "comm");
    std::string program;
    if (std::getline(file, program) && program == "ovs-vswitchd") {
      return true;
    }
  }
  return false;
}

std::string_view deleter() {
  return is_vswitchd_running() ? "ovs-vswitchd, which deletes all datapaths when it starts"
                               : "another program, such as ovs-dpctl";
}

}  // namespace weft::odp
