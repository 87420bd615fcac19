#pragma once
/// Says when another program's packet filter drops the traffic of pods, and mends what it can: by
/// its rules, and by counting what comes in and out.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/reply.hpp>
#include <weft/result.hpp>

#include "common/doctor/check.hpp"
#include "passages.hpp"
#include "survey.hpp"

namespace weft::nat {

/// Owned by NatKeeper; used and destroyed on its loop, as long as which it may not outlive. Looks
/// when it is told that something changed, a second after iptables-legacy came into use, and then
/// every ten seconds, as that tells nobody. The look itself is on a thread that may block. Counts
/// every ten seconds.
class FirewallWatch {
 public:
  /// Registers the metrics.
  FirewallWatch(Loop& loop, Log& log, Metrics& metrics);
  ~FirewallWatch() { stop(); }
  FirewallWatch(const FirewallWatch&) = delete;
  FirewallWatch& operator=(const FirewallWatch&) = delete;

  /// In the network namespace of the calling thread. Errors: the kernel's.
  [[nodiscard]] Result<> start(std::string bridge);
  void stop() noexcept;

  /// Which networks pods are in; looks again when they changed.
  void set_networks(std::vector<net::Cidr> networks);
  /// Looks soon: others' changes come in bursts, and large rule sets take their time.
  void look_soon();

  /// What of pods' traffic vanishes in this node.
  [[nodiscard]] std::vector<Loss> losses() const { return passages_.losses(); }
  /// What the last look found.
  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return last_.findings; }
  /// What `weft doctor` shows, after a look of its own.
  void check(Reply<std::vector<doctor::Check>> reply);

 private:
  struct Look;

  void look();
  void take(Result<Survey> survey, Duration lasted);
  void note_done(const Survey& survey);
  void report(const Survey& survey);
  void count(const Survey& survey);
  void look_at_legacy();
  void sample();
  void report_losses(const std::vector<Loss>& before);
  [[nodiscard]] bool may_ask_firewalld() const;
  [[nodiscard]] std::vector<doctor::Check> checks() const;

  Loop& loop_;
  Log& log_;
  std::array<Gauge*, all_traffic.size()> dropped_;
  std::array<Gauge*, all_traffic.size()> lost_;
  std::string bridge_;
  std::vector<net::Cidr> networks_;
  std::shared_ptr<SurveySockets> sockets_;  // shared with the look under way; null: stopped
  Survey last_;
  std::string error_;  // of the last look
  bool is_looking_ = false;
  bool is_look_wanted_ = false;
  std::optional<TimePoint> asked_in_vain_;  // firewalld
  int stale_looks_ = 0;                     // that something changed during
  TimePoint settled_{};                     // when to look even if changes go on
  TimePoint next_look_{};                   // not before
  std::vector<Reply<std::vector<doctor::Check>>> waiting_;
  std::optional<SurveySockets> own_;  // of this thread
  Passages passages_;
  std::vector<Loss> said_losses_;
  Timer sample_timer_;
  Timer look_timer_;
  Timer legacy_timer_;
  bool has_legacy_ = false;
  TimePoint next_legacy_look_{};
};

}  // namespace weft::nat
