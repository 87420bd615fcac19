#pragma once
/// Frees the addresses of pods that ended without a DEL, as in a power failure.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/reply.hpp>
#include <weft/service/ipam.hpp>
#include <weft/service/store.hpp>

#include "host_ports.hpp"
#include "lease_record.hpp"
#include "stored_value.hpp"

namespace weft::cni {

/// Keeps on disk what was given to whom, and compares it with what the host has. An address is
/// freed when neither the pod's interface nor the address itself exists, and it was given before
/// this boot, or to a pod whose interface weft makes. That is after a delay in which runtimes add
/// the pod again or say DEL; without delay when an `add` waits for an address. Who is not in the
/// record, such as weave:expose, keeps what it has.
///
/// Owned by the plugin; on its loop. Outlives its requests: the loop is drained before it goes.
class PodLeases {
 public:
  PodLeases(Loop& loop, Log& log, Metrics& metrics, HostProbe& probe, std::string boot);

  /// Reads the record, then compares. `store` outlives this object. Once.
  void start(Store& store);
  /// Null: there is none for now.
  void use(Ipam* ipam);
  void stop() noexcept;

  /// An `add` begins: the reply comes when the disk knows of it. Errors: the store's.
  void begin(const AttachmentId& attachment, bool has_port, Reply<> reply);
  /// That `add` ended, with these addresses, or with none: it failed.
  void settle(const AddressOwner& owner, std::vector<net::IpAddress> addresses);
  /// The owner was released, or gave back these addresses.
  void released(const AddressOwner& owner);
  void released(const AddressOwner& owner, std::span<const net::IpAddress> addresses);

  /// Some interface went away.
  void look_soon();
  /// An `add` waits for an address, and from now on others come soon; until `served`.
  void wait();
  void served();

  [[nodiscard]] std::uint64_t freed() const noexcept { return freed_.value(); }

 private:
  void loaded(const std::optional<Bytes>& value);
  void compare();
  [[nodiscard]] Result<std::vector<AddressOwner>> gone();
  [[nodiscard]] bool may_be_gone(const LeaseRecord& record, const HostPorts& ports) const;
  [[nodiscard]] bool may_free(const LeaseRecord& record, Duration gone_for);
  void free(const AddressOwner& owner);
  [[nodiscard]] LeaseRecords all() const;

  Loop& loop_;
  Log& log_;
  Counter& freed_;
  HostProbe& probe_;
  const std::string boot_;
  StoredValue stored_;
  Ipam* ipam_ = nullptr;
  LeaseRecords records_;
  LeaseRecords freeing_;                          // until IPAM has done it
  std::map<AddressOwner, unsigned> adds_;         // that began and did not end
  std::map<AddressOwner, TimePoint> gone_since_;  // when a pod was first missed
  unsigned waiting_ = 0;                          // of those adds, as far as was said

  bool is_look_pending_ = false;
  Timer look_timer_;   // after interfaces went away
  Timer delay_timer_;  // until the first of those that are gone may be freed
};

}  // namespace weft::cni
