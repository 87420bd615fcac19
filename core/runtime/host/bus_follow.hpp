#pragma once
/// The command bus.follow: events of the bus as lines, for clients of the control socket.
///
///   {"command":"bus.follow","params":{"topics":["weft.mesh.*"]}}
///   {"ok":true,"result":{"topics":["weft.mesh.peer-up/1"]}}
///   {"topic":"weft.mesh.peer-up/1","kind":"state","time":...,"event":{...},...}

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>

#include <weft/export.hpp>

#include "runtime/bus/bus_core.hpp"
#include "runtime/control/stream.hpp"

namespace weft::host {

/// What waits for one client: of a state the newest value per key, of a signal topic the last
/// max_signals. Pure.
class WEFT_EXPORT FollowQueue {
 public:
  static constexpr std::size_t max_signals = 1024;

  /// `now` and `wall_now` are the same moment: an event knows only when it was published on the
  /// former.
  void add(FollowedEvent event, TimePoint now, WallTime wall_now);
  /// The next line; where signals were dropped, {"topic": T, "gap": true} comes first.
  [[nodiscard]] std::optional<std::string> next();

 private:
  struct Entry {
    std::string topic;
    std::string state_key;  ///< topic and key; empty for a signal
    std::string line;
  };
  using Entries = std::list<Entry>;
  struct Signals {
    std::size_t waiting = 0;
    bool has_gap = false;
  };

  void drop_oldest(const std::string& topic);

  Entries entries_;
  std::map<std::string, Entries::iterator> states_;  // by state_key
  std::map<std::string, Signals> signals_;           // by topic
};

/// Follows topics of `core` by `view`, which lives on `loop` and outlives the command.
[[nodiscard]] WEFT_EXPORT control::StreamCommand follow_command(BusCore& core, BusView& view,
                                                                Loop& loop);

}  // namespace weft::host
