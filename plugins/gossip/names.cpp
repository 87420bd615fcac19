/// When names are looked up, and what is said about it.

#include "gossip/names.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace weft::gossip {
namespace {

std::string text_of(const std::vector<net::IpAddress>& addresses) {
  std::string text;
  for (const net::IpAddress& address : addresses) {
    text += (text.empty() ? "" : " ") + to_string(address);
  }
  return text;
}

}  // namespace

Names::Names(Loop& loop, Transport& transport, Log& log, Metrics& metrics,
             std::function<void(const std::string& host)> changed)
    : loop_(loop),
      transport_(transport),
      log_(log),
      failing_(metrics.gauge("weft_gossip_names_failing",
                             "Names of direct peers that cannot be looked up now.")),
      changed_(std::move(changed)) {}

void Names::keep(const std::set<std::string>& hosts) {
  for (auto& [host, entry] : entries_) {
    entry.is_kept = false;
  }
  for (const std::string& host : hosts) {
    const auto [at, is_new] = entries_.try_emplace(host);
    at->second.is_kept = true;
    if (is_new) {
      begin(host);
    }
  }
  std::erase_if(entries_, [](const auto& item) {
    return !item.second.is_kept && item.second.askers.empty();
  });
  count_failing();
}

void Names::look_up(const std::string& host, Found found) {
  Entry& entry = entries_[host];
  entry.askers.push_back(std::move(found));
  begin(host);
  entry.late = loop_.after(patience, [this, host] { overdue(host); });
}

void Names::doubt(const std::string& host) {
  const auto at = entries_.find(host);
  if (at != entries_.end() && !at->second.name.error &&
      loop_.now() - at->second.asked_last >= first_retry) {
    begin(host);
  }
}

const ResolvedName* Names::find(const std::string& host) const {
  const auto at = entries_.find(host);
  return at == entries_.end() || !at->second.is_kept ? nullptr : &at->second.name;
}

void Names::begin(const std::string& host) {
  Entry& entry = entries_.at(host);
  if (entry.lookup) {
    return;
  }
  entry.due.cancel();
  entry.name.next.reset();
  entry.asked_last = loop_.now();
  entry.late = loop_.after(patience, [this, host] { overdue(host); });
  entry.lookup =
      transport_.resolve(host, [this, host](Answer answer) { finish(host, std::move(answer)); });
}

/// The lookup is destroyed on the next turn: its callback is what is running.
void Names::finish(const std::string& host, Answer answer) {
  Entry& entry = entries_.at(host);
  loop_.post([lookup = std::move(entry.lookup)] {});
  entry.late.cancel();
  if (answer && answer->empty()) {
    answer = fail(Errc::not_found, fmt::format("resolve '{}': it has no address", host));
  }
  Duration pause{};
  bool has_changed = false;
  if (answer) {
    pause = refresh;
    entry.retry = first_retry;
    std::sort(answer->begin(), answer->end());
    answer->resize(std::min(answer->size(), max_addresses));
    has_changed = *answer != entry.name.addresses;
    succeeded(host, entry, *answer);
  } else {
    pause = std::exchange(entry.retry, std::min(entry.retry * 2, max_retry));
    failed(host, entry, answer.error());
  }
  pause += Duration{static_cast<Duration::rep>(static_cast<double>(pause.count()) * 0.1 *
                                               random_unit(loop_))};  // not all nodes at once
  entry.name.next = loop_.now() + pause;
  entry.due = loop_.after(pause, [this, host] { begin(host); });
  if (has_changed && entry.is_kept) {
    changed_(host);
  }
  answer_askers(host, answer);
}

void Names::overdue(const std::string& host) {
  Entry& entry = entries_.at(host);
  Error error{make_error_code(Errc::timeout),
              fmt::format("resolve '{}': no answer within {} s", host,
                          std::chrono::duration_cast<std::chrono::seconds>(patience).count())};
  failed(host, entry, error);
  answer_askers(host, tl::unexpected(std::move(error)));
}

void Names::succeeded(const std::string& host, Entry& entry,
                      std::vector<net::IpAddress> addresses) {
  if (entry.name.error && entry.is_kept) {
    log_.info("peer's name is found again", "name", host, "addresses", text_of(addresses), "after",
              loop_.now() - entry.name.failing_since);
  } else if (addresses != entry.name.addresses) {
    log_.debug("peer's name found", "name", host, "addresses", text_of(addresses));
  }
  entry.name.error.reset();
  if (addresses != entry.name.addresses) {
    entry.name.addresses = std::move(addresses);
    entry.name.since = loop_.now();
  }
  count_failing();
}

void Names::failed(const std::string& host, Entry& entry, Error error) {
  if (!entry.name.error) {
    entry.name.failing_since = loop_.now();
    if (entry.is_kept) {
      log_.warn("peer's name not found, will try again", "name", host, "reason", error,
                "known addresses",
                entry.name.addresses.empty() ? "none" : text_of(entry.name.addresses));
    }
  }
  entry.name.error = std::move(error);
  count_failing();
}

/// An asker may change what is kept.
void Names::answer_askers(const std::string& host, const Answer& answer) {
  const auto at = entries_.find(host);
  if (at == entries_.end()) {
    return;
  }
  for (Found& found : std::exchange(at->second.askers, {})) {
    found(answer);
  }
  forget_unless_needed(host);
}

void Names::forget_unless_needed(const std::string& host) {
  const auto at = entries_.find(host);
  if (at != entries_.end() && !at->second.is_kept && at->second.askers.empty()) {
    entries_.erase(at);
  }
}

void Names::count_failing() {
  failing_.set(static_cast<double>(std::ranges::count_if(entries_, [](const auto& item) {
    return item.second.is_kept && item.second.name.error.has_value();
  })));
}

}  // namespace weft::gossip
