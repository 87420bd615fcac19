/// Which floor may include which: docs/design/architecture.md, enforced.

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const fs::path source_root{WEFT_SOURCE_DIR};

/// The part of the tree that a file belongs to. "plugins/sleeve/keys/keys.hpp" is of the floor
/// "plugins" and the room "sleeve".
struct Place {
  std::string floor;
  std::string room;

  bool operator==(const Place&) const = default;
};

bool starts_with_directory(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && path.size() > directory.size() &&
         path[directory.size()] == '/';
}

Place place_of(const std::string& path) {
  constexpr std::array<std::string_view, 10> floors{
      "sdk/include",  "sdk/src", "core/runtime",   "core/fabric", "core/testing",
      "apps/console", "apps",    "plugins/common", "plugins",     "sdk/examples"};
  for (const std::string_view floor : floors) {
    if (starts_with_directory(path, floor)) {
      const std::string rest = path.substr(floor.size() + 1);
      const bool has_rooms = floor == "apps" || floor == "plugins" || floor == "sdk/examples";
      return {std::string(floor), has_rooms ? rest.substr(0, rest.find('/')) : ""};
    }
  }
  return {"tests", ""};
}

/// What a floor may include besides itself, and what to do instead of anything else.
struct Floor {
  std::string_view name;
  std::vector<std::string_view> below;
  std::string_view instead;
};

const std::vector<Floor>& floors() {
  static const std::vector<Floor> all{
      {"sdk/include", {}, "an SDK header stands alone: move what it needs into sdk/include"},
      {"sdk/src",
       {"sdk/include"},
       "the SDK runs without a node: move what needs one to core/runtime"},
      {"core/runtime",
       {"sdk/include"},
       "the runtime knows no frame, peer or plugin: pass a host::BuiltInPart, or declare a service "
       "in "
       "sdk/include/weft/service"},
      {"core/fabric",
       {"sdk/include", "core/runtime"},
       "the fabric knows no overlay: talk to it through weft/service/overlay.hpp"},
      {"core/testing",
       {"sdk/include", "core/runtime"},
       "the testing library serves plugins: it stands on the runtime alone"},
      {"plugins/common",
       {"sdk/include"},
       "what plugins share knows none of them, and nothing of the core"},
      {"plugins",
       {"sdk/include", "plugins/common"},
       "plugins see sdk/include and themselves: use a service (weft/service/...), an event "
       "(weft/events/...), or move what two plugins link to plugins/common"},
      {"sdk/examples",
       {"sdk/include"},
       "an example builds outside this tree: it sees sdk/include alone"},
      {"apps/console", {"sdk/include", "core/runtime"}, "what programs share knows none of them"},
      {"apps",
       {"sdk/include", "core/runtime", "core/fabric", "plugins/common", "apps/console"},
       "a program knows no plugin, and no other program: ask the node through its control socket, "
       "or "
       "move what two programs need to apps/console"},
  };
  return all;
}

/// Why the file `from` may not include the file `to`; none when it may.
std::optional<std::string> refusal(const std::string& from, const std::string& to) {
  const Place here = place_of(from);
  const Place there = place_of(to);
  if (here == there || here.floor == "tests") {
    return std::nullopt;
  }
  const auto floor = std::ranges::find(floors(), here.floor, &Floor::name);
  const bool is_below =
      floor != floors().end() && std::ranges::find(floor->below, there.floor) != floor->below.end();
  if (is_below) {
    return std::nullopt;
  }
  return from + " may not include " + to + ": " + std::string(floor->instead);
}

/// Tests look wherever they need to.
bool is_test(const std::string& path) {
  return fs::path(path).filename().string().find("test") != std::string::npos ||
         path.find("/testing/") != std::string::npos;
}

/// The file of this tree that `named` means in `file`; none for what the system brings.
std::optional<std::string> resolve(const std::string& file, const std::string& named) {
  const std::string app = place_of(file).floor == "apps" ? "apps/" + place_of(file).room : ".";
  for (const std::string& root :
       {fs::path(file).parent_path().string(), std::string("sdk/include"), std::string("core"),
        std::string("plugins"), std::string("sdk/src"), std::string("core/testing/include"), app,
        std::string("apps"), std::string("tests")}) {
    const fs::path path = (fs::path(root) / named).lexically_normal();
    if (fs::exists(source_root / path)) {
      return path.string();
    }
  }
  return std::nullopt;
}

std::vector<std::string> sources() {
  std::vector<std::string> files;
  for (const char* const directory : {"apps", "core", "plugins", "sdk"}) {
    for (const auto& entry : fs::recursive_directory_iterator(source_root / directory)) {
      const auto extension = entry.path().extension();
      if (extension == ".cpp" || extension == ".hpp" || extension == ".c" || extension == ".h") {
        files.push_back(fs::relative(entry.path(), source_root).string());
      }
    }
  }
  std::ranges::sort(files);
  return files;
}

TEST(Floors, NoFileIncludesWhatStandsAboveOrBesideIt) {
  const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  for (const std::string& file : sources()) {
    if (is_test(file) && place_of(file).floor != "core/testing") {
      continue;
    }
    std::ifstream in(source_root / file);
    std::string text;
    for (std::size_t number = 1; std::getline(in, text); ++number) {
      std::smatch match;
      if (!std::regex_search(text, match, include)) {
        continue;
      }
      if (const auto target = resolve(file, match[1])) {
        const auto refused = refusal(file, *target);
        EXPECT_FALSE(refused) << "line " << number << ": " << refused.value_or("");
      }
    }
  }
}

TEST(Floors, EveryForbiddenDirectionIsRefused) {
  using Pair = std::pair<std::string, std::string>;
  for (const auto& [from, to] :
       {Pair{"sdk/include/weft/bus.hpp", "core/runtime/bus/bus_core.hpp"},
        Pair{"sdk/src/net/ip.cpp", "core/runtime/log/log_core.hpp"},
        Pair{"core/runtime/host/node.cpp", "core/fabric/dataplane.hpp"},
        Pair{"core/runtime/host/node.cpp", "plugins/gossip/peers.hpp"},
        Pair{"core/fabric/forwarding.cpp", "plugins/sleeve/peer.hpp"},
        Pair{"core/testing/fake_host.cpp", "core/fabric/dataplane.hpp"},
        Pair{"plugins/common/firewall/judge.cpp", "plugins/nat-nft/nat_keeper.hpp"},
        Pair{"plugins/common/firewall/judge.cpp", "core/runtime/loop/thread_loop.hpp"},
        Pair{"plugins/sleeve/peer.cpp", "plugins/odp/kernel.hpp"},
        Pair{"plugins/sleeve/peer.cpp", "core/runtime/loop/thread_loop.hpp"},
        Pair{"plugins/sleeve/peer.cpp", "core/fabric/segment.hpp"},
        Pair{"plugins/sleeve/peer.cpp", "sdk/src/net/hex.hpp"},
        Pair{"plugins/sleeve/peer.cpp", "apps/weft/page.hpp"},
        Pair{"plugins/sleeve/peer.cpp", "core/testing/include/weft/testing/fake_host.hpp"},
        Pair{"sdk/examples/udp-overlay/overlay.cpp", "plugins/sleeve/peer.hpp"},
        Pair{"apps/weft/main.cpp", "plugins/gossip/peers.hpp"},
        Pair{"apps/weft/main.cpp", "apps/weftd/notify.hpp"},
        Pair{"apps/weft-lab/demo/demo.cpp", "apps/weft/render.hpp"},
        Pair{"apps/console/print.cpp", "apps/weft/ask.hpp"},
        Pair{"apps/console/print.cpp", "core/fabric/segment.hpp"},
        Pair{"plugins/sleeve/peer.cpp", "apps/console/page.hpp"},
        Pair{"core/runtime/host/node.cpp", "apps/console/page.hpp"}}) {
    EXPECT_TRUE(refusal(from, to)) << from << " includes " << to;
  }
}

}  // namespace
