#pragma once
/// Two peers of one name: which of them keeps it, and how each learns.

#include <memory>
#include <optional>
#include <string>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/net/ip.hpp>

#include "gossip/homes.hpp"
#include "gossip/link.hpp"
#include "gossip/peers.hpp"
#include "gossip/rejection.hpp"
#include "gossip/wire/features.hpp"
#include "gossip/wire/message.hpp"

namespace weft::gossip {

/// What is told of this node's own name.
class NameEvents {
 public:
  /// A peer that the operator named refuses this node at its address `local`, as another has its
  /// name; without `reason` that is over.
  virtual void on_name_refused(const net::IpAddress& local, const std::string& reason) = 0;
  /// Such a peer says that another had the name before: what was proven at `local` is void.
  virtual void on_name_lost(const net::IpAddress& local) = 0;
  /// A connection from `local` has lasted for so long that the name is this node's.
  virtual void on_name_proven(const net::IpAddress& local) = 0;
  /// What of others' names should survive a restart: see Namesakes::load.
  virtual void on_homes(std::string saved) = 0;

 protected:
  ~NameEvents() = default;
};

/// Used on the mesh's loop only.
class Namesakes {
 public:
  struct Environment {
    Loop& loop;
    Metrics& metrics;
    const Peers& peers;
    Links& links;
    NameEvents& events;
  };

  explicit Namesakes(const Environment& environment);

  /// Whether a peer that introduces itself may have this node's name, or one that this node has
  /// never heard of.
  [[nodiscard]] Admission check_name(const Link& link, const mesh::Features& remote) const;
  /// Who has a living connection keeps its name: another process of that name is a clone, or the
  /// same peer restarted. Then the host of the old one answers the probe with a reset, or soon is
  /// silent. But a clone that took the name while its peer was away gives it back.
  [[nodiscard]] Admission check_holder(const Link& link, const mesh::Features& remote);

  /// What an earlier run gave to NameEvents::on_homes. Who took a name meanwhile loses it again.
  void load(std::string_view saved);

  /// A connection carries frames: its peer may prove to have its name, and this node its own.
  void established(Link& link);
  /// A connection that counted ended.
  void left(const Link& link);
  /// A connection was refused because of a name.
  void count_conflict() { conflicts_.add(); }
  /// A peer ends the connection; `is_named`: by the operator, and at its address.
  void on_notice(const Link& link, const mesh::Notice& notice, bool is_named);

  /// The peer that refuses this node its name; nothing when none does.
  [[nodiscard]] const std::optional<net::IpAddress>& refused_by() const noexcept {
    return refused_by_;
  }
  /// It no longer does.
  void refusal_is_over();

 private:
  void on_lasting(const Link& link);
  void save_soon();
  void save();
  void warn(Link& holder, const Error& error);

  Environment env_;
  Homes homes_;
  std::optional<net::IpAddress> refused_by_;
  Counter& conflicts_;
  bool is_save_due_ = false;
  Timer save_;
  Timer refresh_;  // of when peers were seen last
};

}  // namespace weft::gossip
