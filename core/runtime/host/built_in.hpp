#pragma once
/// Parts of a node that come with the program and serve its plugins, beside what the runtime itself
/// provides. The runtime knows none of them: whoever creates a node names them.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bus.hpp>
#include <weft/control.hpp>
#include <weft/export.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/plugin.hpp>
#include <weft/result.hpp>
#include <weft/service.hpp>

namespace weft {
class LaneSet;
}

namespace weft::host {

/// What a part gets of its node. All of it outlives the part.
struct BuiltInContext {
  const NodeInfo& info;
  LaneSet& lanes;
  Loop& loop;  ///< the host's own
  Bus& bus;
  Services& services;
  Metrics& metrics;
  Control& control;
  std::function<Log&(const std::string& name)> log;
};

/// Constructed, used and destroyed on the host's loop; destroyed after every plugin.
class BuiltIn {
 public:
  virtual ~BuiltIn() = default;
  /// Provides its services and serves its commands. Once, before any plugin starts.
  [[nodiscard]] virtual Result<> start() = 0;
};

struct BuiltInPart {
  std::vector<std::string_view> interfaces;  ///< that it provides, and no plugin may
  std::function<std::unique_ptr<BuiltIn>(const BuiltInContext&)> make;
};

using BuiltInParts = std::vector<BuiltInPart>;

/// Every interface that comes with the program: the runtime's own, and those of `parts`.
[[nodiscard]] WEFT_EXPORT std::vector<std::string_view> interfaces_of(const BuiltInParts& parts);

}  // namespace weft::host
