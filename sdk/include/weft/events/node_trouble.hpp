#pragma once
/// What keeps a running node from doing all of its work.

#include <string>
#include <string_view>

#include <weft/json.hpp>

namespace weft::events {

/// A plugin runs and cannot do all of its work until an operator acts. The node is degraded while
/// any trouble lasts, and `weft status` shows it.
///
/// Published by: the plugin that noticed; again with an empty `reason` when it is over, and when
/// the plugin stops. Kind: state, keyed by `source`.
struct NodeTrouble {
  static constexpr std::string_view topic = "weft.node.trouble/1";

  std::string source;         ///< what is in trouble, "mesh name"; the publisher's own word
  std::string reason;         ///< what is wrong and what to do; empty: nothing any more
  bool refuses_pods = false;  ///< pods attached now would harm those of other nodes

  [[nodiscard]] std::string key() const { return source; }
  [[nodiscard]] std::string text() const {
    return source + ": " + (reason.empty() ? "over" : reason);
  }
  [[nodiscard]] std::string json() const {
    return JsonObject()
        .text("source", source)
        .text("reason", reason)
        .boolean("refuses_pods", refuses_pods)
        .take();
  }
};

}  // namespace weft::events
