#pragma once
/// Taps on the bus for clients of the control socket, which asks and answers one line at a time:
/// a client opens a tap and then reads from it again and again.
///
///   {"topic":"weft.mesh.peer-up/1"} -> {"tap":1,"events":[]}
///   {"tap":1}                       -> {"tap":1,"events":[...]}, once there are any
///
/// A read without events is answered after a while, empty. A tap that nobody reads is closed.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include <weft/reply.hpp>

#include "runtime/bus/bus_core.hpp"
#include "runtime/host/status.hpp"

namespace weft::host {

/// Owned by Inspection; on the loop of `bus`, which outlives it.
class WEFT_EXPORT BusTaps {
 public:
  static constexpr std::size_t max_taps = 16;
  /// Events kept for a client between two reads; the oldest are dropped.
  static constexpr std::size_t max_waiting = 1024;
  static constexpr std::chrono::seconds longest_wait{5};
  static constexpr std::chrono::seconds longest_silence{30};

  BusTaps(BusView& bus, Loop& loop) : bus_(bus), loop_(loop) {}

  /// Errors: Errc::not_found, no such topic or tap; Errc::denied,
  /// max_taps are open; Errc::conflict, the tap is being read already.
  void handle(const TapRequest& request, Reply<std::string> reply);

 private:
  struct Tap {
    std::deque<TappedEvent> events;
    std::optional<Reply<std::string>> reader;
    Timer deadline;  // of the read that waits, or until the next one
    Subscription subscription;
  };

  [[nodiscard]] Result<std::uint64_t> open(const std::string& topic);
  void read(std::uint64_t id, Reply<std::string> reply);
  void add(std::uint64_t id, TappedEvent event);
  void answer(std::uint64_t id, Reply<std::string> reply);

  BusView& bus_;
  Loop& loop_;
  std::map<std::uint64_t, Tap> taps_;
  std::uint64_t last_id_ = 0;
};

}  // namespace weft::host
