#pragma once
/// Whether a peer is to be reached at another UDP address than before: whoever replays a captured
/// heartbeat from elsewhere must not draw its traffic there. A pure state machine: every input
/// carries the time; nothing here sends or waits.
///
/// A heartbeat from a new address has that address and the current one probed, each with an MTU
/// test of a random size. Only the peer itself can answer, over TCP, and only what reached it. It
/// is followed when the probe of the new address was answered and the current address is no good
/// any more: it does not answer, or it is not where the peer's heartbeats come from. So a relay of
/// probes gains nothing either, as long as the peer is where it was.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <weft/loop.hpp>
#include <weft/net/ip.hpp>

namespace weft::overlay {

/// Used on one thread.
class Relocation {
 public:
  struct Probe {
    net::Endpoint to;
    std::uint32_t mtu = 0;  ///< of the test to send
  };
  enum class Outcome : std::uint8_t {
    pending,
    followed,  ///< the peer is at `candidate()` now
    stayed,    ///< it is reached where it was, and at `candidate()` too
    refused,   ///< nobody at `candidate()` makes the peer answer
  };

  /// Probes are between these; the least MTU, which other tests have, is smaller.
  static constexpr std::uint32_t least_probe_mtu = 69;
  static constexpr std::uint32_t largest_probe_mtu = 324;

  /// `random`: a uniformly random number.
  explicit Relocation(std::function<std::uint64_t()> random) : random_(std::move(random)) {}

  /// A heartbeat came from `candidate` rather than from `current`. False when there is nothing to
  /// do: one address is looked into at a time, and none again at once. `reserved`: sizes that
  /// other tests have.
  [[nodiscard]] bool begin(const net::Endpoint& candidate, const net::Endpoint& current,
                           const std::vector<std::uint32_t>& reserved, TimePoint now);
  void end() noexcept { check_.reset(); }

  /// What is to be sent now, if anything.
  [[nodiscard]] std::vector<Probe> probes(TimePoint now);
  /// True when a test of `mtu` was one of these probes.
  [[nodiscard]] bool on_answer(std::uint32_t mtu, TimePoint now);
  /// `is_current_heard`: the peer's heartbeats come from the current address. Everything but
  /// `pending` ends the check.
  [[nodiscard]] Outcome judge(bool is_current_heard, TimePoint now);

  [[nodiscard]] bool is_under_way() const noexcept { return check_.has_value(); }
  /// When probes and judge want to be called.
  [[nodiscard]] std::optional<TimePoint> due() const noexcept;
  /// Of the check that is under way, or was last.
  [[nodiscard]] const net::Endpoint& candidate() const noexcept { return candidate_; }

 private:
  struct Check {
    net::Endpoint current;
    std::uint32_t candidate_mtu = 0;
    std::uint32_t current_mtu = 0;
    TimePoint begun{};
    TimePoint due{};
    unsigned attempts = 0;
    std::optional<TimePoint> answered;  // by the candidate, when
    bool is_current_alive = false;
  };
  [[nodiscard]] std::uint32_t draw(const std::vector<std::uint32_t>& reserved) const;
  [[nodiscard]] static TimePoint verdict_at(const Check& check) noexcept;

  std::function<std::uint64_t()> random_;
  std::optional<Check> check_;
  net::Endpoint candidate_;
  TimePoint rest_until_{};  // the last candidate is not looked into again before
};

}  // namespace weft::overlay
