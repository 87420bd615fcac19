#pragma once
/// Names of direct peers and what they resolve to. A name is looked up again and again, by one
/// lookup at a time: after a minute when it was found, less and less often while it is not.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>
#include <weft/transport.hpp>

namespace weft::gossip {

/// What is known of one name.
struct ResolvedName {
  std::vector<net::IpAddress> addresses;  ///< as last found, sorted; they stay while lookups fail
  TimePoint since{};                      ///< when these addresses were first found
  std::optional<Error> error;             ///< why it is not found, or not any more
  TimePoint failing_since{};              ///< of `error`
  std::optional<TimePoint> next;          ///< when it is looked up again; none: under way
};

/// Used on the mesh's loop only.
class Names {
 public:
  static constexpr Duration refresh = std::chrono::minutes{1};
  static constexpr Duration first_retry = std::chrono::seconds{5};
  static constexpr Duration max_retry = std::chrono::minutes{1};
  /// A lookup that takes longer has failed as far as others are concerned; its answer still counts.
  static constexpr Duration patience = std::chrono::seconds{5};
  static constexpr std::size_t max_addresses = 256;

  using Found = UniqueFunction<void(const Result<std::vector<net::IpAddress>>&)>;

  /// `changed` runs when the addresses of a kept name changed.
  Names(Loop& loop, Transport& transport, Log& log, Metrics& metrics,
        std::function<void(const std::string& host)> changed);

  /// These are looked up from now on, and no others.
  void keep(const std::set<std::string>& hosts);
  /// Looks `host` up for somebody who waits, whether it is kept or not. `found` never runs within
  /// this call. Errors: Errc::not_found, Errc::timeout.
  void look_up(const std::string& host, Found found);
  /// Nobody answers at an address of `host`: it may have moved.
  void doubt(const std::string& host);

  /// Null when `host` is not kept.
  [[nodiscard]] const ResolvedName* find(const std::string& host) const;

 private:
  struct Entry {
    ResolvedName name;
    bool is_kept = false;
    Duration retry = first_retry;  // before the try after a failed one
    TimePoint asked_last{};
    std::unique_ptr<Pending> lookup;
    Timer due;   // of the next lookup
    Timer late;  // of the one under way
    std::vector<Found> askers;
  };
  using Answer = Result<std::vector<net::IpAddress>>;

  void begin(const std::string& host);
  void finish(const std::string& host, Answer answer);
  void overdue(const std::string& host);
  void succeeded(const std::string& host, Entry& entry, std::vector<net::IpAddress> addresses);
  void failed(const std::string& host, Entry& entry, Error error);
  void answer_askers(const std::string& host, const Answer& answer);
  void forget_unless_needed(const std::string& host);
  void count_failing();

  Loop& loop_;
  Transport& transport_;
  Log& log_;
  Gauge& failing_;
  std::function<void(const std::string& host)> changed_;
  std::map<std::string, Entry> entries_;
};

}  // namespace weft::gossip
