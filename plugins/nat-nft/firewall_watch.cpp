/// Schedules looks at the host's packet filters and reports what changed between two.

#include "firewall_watch.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "checks.hpp"
#include "legacy.hpp"
#include "remedy.hpp"
#include "scene.hpp"

namespace weft::nat {
namespace {

using namespace std::chrono_literals;

// Longer than NatKeeper takes to mend what it can.
constexpr Duration settle_time = 200ms;
constexpr Duration longest_settling = 1s;
// A look may take a twentieth of the time.
constexpr int rest_factor = 20;
// The kernel tells nobody of these.
constexpr Duration legacy_interval = 10s;
constexpr Duration new_legacy_interval = 1s;
// Where something changes all the time, this one counts all the same.
constexpr int most_stale_looks = 3;
// firewall-cmd starts an interpreter.
constexpr Duration firewalld_interval = 30s;

bool is_among(const Finding& finding, const std::vector<Finding>& findings) {
  return std::ranges::find(findings, finding) != findings.end();
}

bool is_among(const std::string& text, const std::vector<std::string>& texts) {
  return std::ranges::find(texts, text) != texts.end();
}

bool is_among(const Loss& loss, const std::vector<Loss>& losses) {
  return std::ranges::any_of(losses, [&](const Loss& each) {
    return each.traffic == loss.traffic && each.hook == loss.hook;
  });
}

Result<SurveySockets> open_sockets() {
  auto netfilter = nl::Socket::open(NETLINK_NETFILTER);
  auto route = nl::Socket::open(NETLINK_ROUTE);
  if (!netfilter || !route) {
    return tl::unexpected((netfilter ? route : netfilter).error());
  }
  return SurveySockets{*std::move(netfilter), *std::move(route)};
}

}  // namespace

FirewallWatch::FirewallWatch(Loop& loop, Log& log, Metrics& metrics) : loop_(loop), log_(log) {
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    dropped_[i] = &metrics.gauge(
        "weft_nat_dropping_chains",
        "Base chains of other programs that drop this traffic of pods and are not meant for it.",
        {{"traffic", std::string(label_of(all_traffic[i]))}});
    lost_[i] = &metrics.gauge(
        "weft_nat_vanishing",
        "1 while this traffic of pods comes into a hook of the packet filters and none comes out.",
        {{"traffic", std::string(label_of(all_traffic[i]))}});
  }
}

Result<> FirewallWatch::start(std::string bridge) {
  bridge_ = std::move(bridge);
  auto own = open_sockets();
  auto shared = open_sockets();
  if (!own || !shared) {
    return tl::unexpected((own ? shared : own).error());
  }
  own_.emplace(*std::move(own));
  sockets_ = std::make_shared<SurveySockets>(*std::move(shared));
  legacy_timer_ = loop_.every(new_legacy_interval, [this] { look_at_legacy(); });
  sample_timer_ = loop_.every(window, [this] { sample(); });
  look_soon();
  return {};
}

void FirewallWatch::stop() noexcept {
  look_timer_.cancel();
  legacy_timer_.cancel();
  sample_timer_.cancel();
  waiting_.clear();
  sockets_.reset();
  own_.reset();
}

void FirewallWatch::set_networks(std::vector<net::Cidr> networks) {
  if (networks != networks_) {
    networks_ = std::move(networks);
    look_soon();
  }
}

void FirewallWatch::look_soon() {
  if (sockets_ == nullptr) {
    return;
  }
  const TimePoint now = loop_.now();
  if (!std::exchange(is_look_wanted_, true)) {
    settled_ = now + longest_settling;
  }
  if (!is_looking_) {
    const TimePoint at = std::max(next_look_, std::min(now + settle_time, settled_));
    look_timer_ = loop_.after(at - now, [this] { look(); });
  }
}

/// Tables that came are looked at soon, those that are there now and then.
void FirewallWatch::look_at_legacy() {
  const bool was_there = std::exchange(has_legacy_, has_legacy_tables());
  if (has_legacy_ && (!was_there || loop_.now() >= next_legacy_look_)) {
    next_legacy_look_ = loop_.now() + legacy_interval;
    look_soon();
  }
}

/// What the thread that looks and this object share.
struct FirewallWatch::Look {
  std::shared_ptr<SurveySockets> sockets;
  std::string bridge;
  std::vector<net::Cidr> networks;
  bool may_ask = false;
  TimePoint began;
  Result<Survey> survey;
};

void FirewallWatch::look() {
  is_look_wanted_ = false;
  is_looking_ = true;
  auto look = std::make_shared<Look>(
      Look{sockets_, bridge_, networks_, may_ask_firewalld(), loop_.now(), Survey{}});
  loop_.blocking(
      [look] {
        look->survey = survey(*look->sockets, look->bridge, look->networks, look->may_ask);
      },
      [this, look] {
        if (sockets_ == look->sockets) {  // not stopped meanwhile
          take(std::move(look->survey), loop_.now() - look->began);
        }
      });
}

bool FirewallWatch::may_ask_firewalld() const {
  return !asked_in_vain_ || loop_.now() - *asked_in_vain_ >= firewalld_interval;
}

void FirewallWatch::take(Result<Survey> survey, Duration lasted) {
  is_looking_ = false;
  next_look_ = loop_.now() + lasted * rest_factor;
  if (survey) {
    note_done(*survey);
  }
  if (is_look_wanted_ && waiting_.empty() && ++stale_looks_ < most_stale_looks) {
    is_look_wanted_ = false;
    look_soon();
    return;  // what was found may be over
  }
  stale_looks_ = 0;
  error_ = survey ? "" : survey.error().message();
  if (survey) {
    report(*survey);
    count(*survey);
    last_ = *std::move(survey);
  } else {
    log_.warn("packet filters not looked at", "error", survey.error());
  }
  for (auto& reply : std::exchange(waiting_, {})) {
    reply(checks());
  }
  if (std::exchange(is_look_wanted_, false)) {
    look_soon();
  }
}

void FirewallWatch::note_done(const Survey& survey) {
  if (survey.has_asked_firewalld && std::ranges::any_of(survey.findings, is_of_firewalld)) {
    asked_in_vain_ = loop_.now();
  }
  for (const std::string& done : survey.done) {
    log_.info(done, "bridge", bridge_);
  }
}

/// Says what is new since the last look, and what is over.
void FirewallWatch::report(const Survey& survey) {
  for (const std::string& unknown : survey.unknown) {
    if (!is_among(unknown, last_.unknown)) {
      log_.warn("packet filter not looked at or not changed", "why", unknown);
    }
  }
  for (const Finding& finding : survey.findings) {
    if (finding.is_wrong() && !is_among(finding, last_.findings)) {
      log_.warn("traffic of pods is dropped by another program's packet filter", "what",
                describe(finding), "remedy", remedy(finding, survey.scene));
    }
  }
  for (const Finding& finding : last_.findings) {
    if (finding.is_wrong() && !is_among(finding, survey.findings)) {
      log_.info("traffic of pods is no longer dropped", "what", describe(finding));
    }
  }
}

void FirewallWatch::count(const Survey& survey) {
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    dropped_[i]->set(static_cast<double>(
        std::ranges::count_if(survey.findings, [traffic = all_traffic[i]](const Finding& finding) {
          return finding.is_wrong() && finding.traffic.contains(traffic);
        })));
  }
}

void FirewallWatch::sample() {
  auto counts = read_counts(own_->netfilter);
  if (!counts) {
    return;  // the next window is longer
  }
  const auto before = passages_.losses();
  passages_.take(*std::move(counts), [this] {
    const auto scene = read_scene(own_->route, bridge_, networks_);
    return scene && scene->uplink;
  });
  report_losses(before);
}

/// Says what began and what is over. A wrong rule has been said already.
void FirewallWatch::report_losses(const std::vector<Loss>& before) {
  const auto now = passages_.losses();
  std::set<const Finding*> said;  // one may explain several
  for (const Loss& loss : now) {
    const Finding* const finding = explanation_of(loss, last_);
    if (is_among(loss, before) || (finding != nullptr && finding->is_wrong())) {
      continue;
    }
    said_losses_.push_back(loss);
    if (finding == nullptr || said.insert(finding).second) {
      const doctor::Check check =
          finding == nullptr ? check_of(loss, last_) : check_of(*finding, last_, now);
      log_.warn("traffic of pods vanishes in this node", "what", check.text, "remedy",
                check.remedy);
    }
  }
  std::erase_if(said_losses_, [&](const Loss& loss) {
    const bool is_over = !is_among(loss, now);
    if (is_over) {
      log_.info("traffic of pods vanishes no longer", "what", text_of(loss));
    }
    return is_over;
  });
  for (std::size_t i = 0; i < lost_.size(); ++i) {
    const bool is_lost = std::ranges::any_of(
        now, [traffic = all_traffic[i]](const Loss& loss) { return loss.traffic == traffic; });
    lost_[i]->set(is_lost ? 1 : 0);
  }
}

void FirewallWatch::check(Reply<std::vector<doctor::Check>> reply) {
  if (sockets_ == nullptr) {
    reply(fail(Errc::abandoned, "look at packet filters: the plugin is stopping"));
    return;
  }
  waiting_.push_back(std::move(reply));
  if (!is_looking_) {
    look_timer_.cancel();
    look();
  }
}

std::vector<doctor::Check> FirewallWatch::checks() const {
  if (!error_.empty()) {
    return {{"forwarding", doctor::State::note, "packet filters could not be read: " + error_}};
  }
  return checks_of(last_, losses());
}

}  // namespace weft::nat
