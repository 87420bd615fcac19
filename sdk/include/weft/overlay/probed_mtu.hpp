#pragma once
/// How large a packet may be to reach a peer, for overlays whose peers answer tests of single
/// sizes. A pure state machine: every input carries the time; nothing here sends or waits.

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <weft/loop.hpp>
#include <weft/overlay/mtu_watch.hpp>

namespace weft::overlay {

/// Searches the path MTU by tests, watches it, and tries larger ones again every ten minutes. No
/// MTU is believed without an answer, and none is given up without tests: what ICMP says only has
/// them sent. Sizes are of IP packets inside the overlay, bytes. Used on one thread.
class ProbedMtu {
 public:
  /// No path with less is used. RFC 791: every link carries packets of this size.
  static constexpr std::uint32_t minimum = MtuWatch::small_mtu;

  /// What an input asks for.
  struct Wishes {
    std::vector<std::uint32_t> tests;  ///< send a test of each size
    bool query_route = false;          ///< answer with on_route or on_no_route
    bool is_verified = false;          ///< the search is over, or learnt of a larger MTU
    bool is_narrower = false;          ///< the path carries less than it did
  };

  /// The peer can answer tests: a search begins.
  [[nodiscard]] Wishes begin();
  /// The peer is reached over another path.
  [[nodiscard]] Wishes on_moved();
  /// The kernel refused a test or a frame, going by the interface's MTU.
  [[nodiscard]] Wishes on_refused();
  /// What fits the route: its limit holds; `reported`, when it is less, is tried.
  [[nodiscard]] Wishes on_route(std::uint32_t limit, std::uint32_t reported, TimePoint now);
  /// The kernel could not be asked: on_timer has it asked again.
  void on_no_route(TimePoint now);
  /// Somebody, who may be anybody, says that no more than `mtu` arrives.
  [[nodiscard]] Wishes on_report(std::uint32_t mtu, TimePoint now);
  /// The peer answered a test.
  [[nodiscard]] Wishes on_answer(std::uint32_t mtu, TimePoint now);
  [[nodiscard]] Wishes on_timer(TimePoint now);
  /// When on_timer wants to be called.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  /// Nothing is due any more.
  void end();

  /// The best that is known: before anything was answered, what fits the route.
  [[nodiscard]] std::uint32_t mtu() const noexcept { return mtu_; }
  [[nodiscard]] bool is_searching() const noexcept { return candidate_ != 0; }
  /// Sizes that tests may have just now.
  [[nodiscard]] std::vector<std::uint32_t> sizes() const { return {mtu_, candidate_, hint_}; }

 private:
  void test_candidate(std::uint32_t candidate, TimePoint now, Wishes& wishes);
  void continue_search(TimePoint now, Wishes& wishes);
  void test_again(TimePoint now, Wishes& wishes);
  void watch(TimePoint now, Wishes& wishes);

  bool is_begun_ = false;
  bool is_over_ = false;
  // The search: sizes up to highest_good_ pass, from lowest_bad_ on they do not.
  std::uint32_t mtu_ = 65535;
  std::uint32_t ceiling_ = 0;    // what the route's limit leaves for inner packets
  std::uint32_t hint_ = 0;       // said to pass, and that no more does; 0: nothing said
  std::uint32_t candidate_ = 0;  // under test; 0 when idle
  std::uint32_t highest_good_ = minimum;
  std::uint32_t lowest_bad_ = 0;
  bool has_verified_ = false;  // highest_good_ is the result of tests, not where they start
  bool is_probe_wanted_ = false;
  bool is_refused_ = false;  // by the kernel, which is being asked why
  unsigned tests_sent_ = 0;
  std::optional<TimePoint> due_;                        // the next test, or the next upward probe
  Duration probe_interval_ = std::chrono::minutes{10};  // between upward probes
  MtuWatch watch_;                                      // of the MTU in use, between searches
};

}  // namespace weft::overlay
