#pragma once
/// What Weave Net printed for one sample state.

#include <fstream>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace weft::testing {

/// The blocks of Weave Net's golden file: "## title", text, and in front of text ends "<<<end".
class GoldenPages {
 public:
  GoldenPages() {
    std::ifstream file(WEFT_SOURCE_DIR "/tests/interop/vectors/dp-report.txt");
    std::string line;
    std::string title;
    while (std::getline(file, line)) {
      if (line.starts_with("## ")) {
        title = line.substr(3);
      } else if (line != "<<<end") {
        pages_[title] += line + "\n";
      }
    }
  }

  const std::string& page(const std::string& title) { return pages_[title]; }
  nlohmann::ordered_json report() {
    return nlohmann::ordered_json::parse(
        pages_["GET /report (Accept: application/json) for a sample state"]);
  }

 private:
  std::map<std::string, std::string> pages_;
};

}  // namespace weft::testing
