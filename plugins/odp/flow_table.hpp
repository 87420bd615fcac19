#pragma once
/// The flows that the kernel has from us, kept equal to what the dataplane would do.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <weft/loop.hpp>
#include <weft/result.hpp>
#include <weft/service/flows.hpp>

#include "flow.hpp"

namespace weft::odp {

/// With actions: adds the flow, or replaces the actions of the one with this key in place, without
/// a gap. Without: deletes it, and succeeds when there is none.
struct FlowChange {
  FlowKey key;
  std::optional<Actions> actions;
};

/// Where flows go. Kernel is one; tests have another.
class FlowSink {
 public:
  virtual ~FlowSink() = default;

  /// In order; what became of each, whatever became of the others.
  [[nodiscard]] virtual std::vector<Result<>> apply(std::span<const FlowChange> changes) = 0;
  [[nodiscard]] virtual Result<std::vector<KernelFlow>> dump() = 0;
};

/// What a flow should do now.
struct Verdict {
  FlowDecision::Certainty certainty = FlowDecision::Certainty::unknown;
  std::optional<Actions> actions;  ///< absent: not for the kernel, each frame is looked at
  bool is_hairpin = false;  ///< a copy is left out, because it would go back to where it came from
};

/// Used on one thread.
///
/// A route that is lost, or an address that is forgotten, leaves its flows alone for a while: the
/// peer may only be restarting while its kernel goes on, and nothing better could be done with the
/// frames. What is known to be different changes at once.
///
/// When the table is full, flows of the origin that has most make room: this node for its pods, or
/// the peer whose tunnel they come from. First those that no frame used since their first one,
/// which is how flows of invented MACs look, then those not used for longest.
class FlowTable {
 public:
  using Plan = std::function<Verdict(const FlowKey&)>;

  static constexpr std::size_t max_flows = 16384;
  /// At most so many make room at a time, as it takes a look at all of them.
  static constexpr std::size_t max_displaced = 1024;
  static constexpr Duration grace = std::chrono::seconds{60};
  static constexpr Duration max_idle = std::chrono::minutes{10};
  static constexpr Duration fresh = std::chrono::seconds{30};

  FlowTable(FlowSink& sink, Plan plan) : sink_(sink), plan_(std::move(plan)) {}

  /// Frames of these flows had no rule.
  void missed(const std::vector<FlowKey>& keys, TimePoint now);
  /// Decisions may have changed: compares each flow with its plan, and touches those that differ.
  void replan(TimePoint now);
  /// Nobody takes frames by this short id any more: deletes the flows that send with it.
  void forget_id(std::uint16_t short_id);
  /// Reads the kernel's flows: adopts those not known, forgets what others deleted, drops what was
  /// idle for max_idle. Returns the keys of flows that were used within `fresh`.
  [[nodiscard]] Result<std::vector<FlowKey>> sweep(TimePoint now);
  /// The datapath was made anew, without flows.
  void clear() noexcept { flows_.clear(); }

  /// Whether frames of a flow come in or leave through `port`.
  [[nodiscard]] bool uses(PortNumber port) const;
  [[nodiscard]] std::size_t size() const noexcept { return flows_.size(); }

  /// Since the start.
  struct Counts {
    std::uint64_t installed = 0;
    std::uint64_t replaced = 0;
    std::uint64_t deleted = 0;
    std::uint64_t adopted = 0;
    std::uint64_t displaced = 0;  ///< deleted to make room; not in `deleted`
    std::uint64_t refused = 0;    ///< the kernel said no
    std::uint64_t hairpins = 0;   ///< times that a flow's plan became one
  };
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  struct Entry {
    Actions actions;
    TimePoint last_used{};
    std::optional<TimePoint> doubtful_since = {};
    bool is_hairpin = false;
    bool was_used = false;  ///< after it was installed, as far as the last sweep knows
  };
  using Flows = std::map<FlowKey, Entry>;
  /// Whose flow: a port, and on tunnel ports the peer that its frames come from, by its short id.
  using Origin = std::pair<PortNumber, std::uint16_t>;

  [[nodiscard]] static Origin origin_of(const FlowKey& key);
  /// Of flows that are in the table already, and not in the kernel.
  void install(const std::vector<FlowChange>& additions);
  /// Deletes flows of the origin with most, to let `origin` have another.
  void make_room(const Origin& origin);

  /// Compares one flow with its plan.
  [[nodiscard]] std::optional<FlowChange> update(const FlowKey& key, Entry& entry, TimePoint now);
  /// Of flows that are in the table. What the kernel does not replace is deleted.
  void apply(std::span<const FlowChange> changes);

  FlowSink& sink_;
  Plan plan_;
  Flows flows_;
  Counts counts_;
};

}  // namespace weft::odp
