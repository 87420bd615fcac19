/// Keeps the record, and decides what may be freed.

#include "pod_leases.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace weft::cni {
namespace {

using namespace std::chrono_literals;

constexpr Duration delay = 60s;          // runtimes that restart with the machine are quicker
constexpr Duration settle_time = 100ms;  // interfaces go in bursts
constexpr Duration retry = 1s;           // while an `add` waits, or weft-cni works at what is gone

}  // namespace

PodLeases::PodLeases(Loop& loop, Log& log, Metrics& metrics, HostProbe& probe, std::string boot)
    : loop_(loop),
      log_(log),
      freed_(metrics.counter("weft_cni_reclaimed_addresses_total",
                             "Addresses that were freed because their pod ended without a DEL.")),
      probe_(probe),
      boot_(std::move(boot)),
      stored_(loop, log, "cni/leases") {}

void PodLeases::start(Store& store) {
  stored_.start(
      store, [this](const std::optional<Bytes>& value) { loaded(value); },
      [this] { return encode(all()); });
}

void PodLeases::use(Ipam* ipam) {
  ipam_ = ipam;
  if (ipam != nullptr) {
    look_soon();
  }
}

void PodLeases::stop() noexcept {
  look_timer_.cancel();
  delay_timer_.cancel();
  stored_.stop();
  ipam_ = nullptr;
}

void PodLeases::loaded(const std::optional<Bytes>& value) {
  if (value) {
    auto records = decode_lease_records(*value);
    if (records) {
      records_.merge(*std::move(records));  // what began meanwhile is newer
    } else {
      log_.warn("addresses of pods that ended before will not be freed", "error", records.error());
    }
  }
  compare();
}

void PodLeases::begin(const AttachmentId& attachment, bool has_port, Reply<> reply) {
  const AddressOwner owner = address_owner(attachment);
  ++adds_[owner];
  LeaseRecord& record = records_[owner];
  LeaseRecord wanted{attachment, boot_, has_port || record.has_port, record.addresses};
  if (record != wanted) {
    record = std::move(wanted);
    stored_.changed();
  }
  stored_.settle(std::move(reply));
}

void PodLeases::settle(const AddressOwner& owner, std::vector<net::IpAddress> addresses) {
  const auto adds = adds_.find(owner);
  if (adds != adds_.end() && --adds->second == 0) {
    adds_.erase(adds);
  }
  const auto record = records_.find(owner);
  if (record == records_.end()) {
    return;
  }
  std::vector<net::IpAddress>& known = record->second.addresses;
  if (!addresses.empty() && known != addresses) {
    known = std::move(addresses);
    stored_.changed();
  } else if (!adds_.contains(owner) && known.empty()) {
    records_.erase(record);
    stored_.changed();
  }
}

void PodLeases::released(const AddressOwner& owner) {
  if (const auto record = records_.find(owner); record != records_.end()) {
    released(owner, std::vector(record->second.addresses));
  }
}

void PodLeases::released(const AddressOwner& owner, std::span<const net::IpAddress> addresses) {
  const auto record = records_.find(owner);
  if (record == records_.end()) {
    return;
  }
  std::erase_if(record->second.addresses, [&](const net::IpAddress& known) {
    return std::ranges::find(addresses, known) != addresses.end();
  });
  if (record->second.addresses.empty() && !adds_.contains(owner)) {
    records_.erase(record);  // else that `add` settles what becomes of it
  }
  stored_.changed();
}

LeaseRecords PodLeases::all() const {
  LeaseRecords records = records_;
  records.insert(freeing_.begin(), freeing_.end());
  return records;
}

void PodLeases::look_soon() {
  if (!std::exchange(is_look_pending_, true)) {
    look_timer_ = loop_.after(settle_time, [this] {
      is_look_pending_ = false;
      compare();
    });
  }
}

void PodLeases::wait() {
  ++waiting_;
  look_soon();
}

void PodLeases::served() {
  --waiting_;
}

void PodLeases::compare() {
  delay_timer_.cancel();
  if (!stored_.is_loaded() || ipam_ == nullptr || records_.empty()) {
    return;
  }
  const auto owners = gone();
  if (!owners) {
    log_.warn("pods' addresses not compared with interfaces", "error", owners.error());
    delay_timer_ = loop_.after(delay, [this] { compare(); });
    return;
  }
  const TimePoint now = loop_.now();
  std::map<AddressOwner, TimePoint> since = std::exchange(gone_since_, {});
  std::vector<AddressOwner> to_free;
  TimePoint next = TimePoint::max();
  for (const AddressOwner& owner : *owners) {
    const auto known = since.find(owner);
    const TimePoint first = known != since.end() ? known->second : now;
    if (may_free(records_.at(owner), now - first)) {
      to_free.push_back(owner);
    } else {
      gone_since_[owner] = first;
      next = std::min(next, waiting_ > 0 ? now + retry : std::max(first + delay, now + retry));
    }
  }
  if (!to_free.empty()) {
    log_.info("freeing addresses of pods that ended without a DEL", "addresses", to_free.size());
  }
  for (const AddressOwner& owner : to_free) {
    free(owner);
  }
  if (next != TimePoint::max()) {
    delay_timer_ = loop_.after(next - now, [this] { compare(); });
  }
}

/// Owners of whose pods nothing is left. Usually nobody, and then pods are not asked.
Result<std::vector<AddressOwner>> PodLeases::gone() {
  HostPorts ports;
  WEFT_TRY(ports, probe_.look());
  std::vector<AddressOwner> owners;
  for (const auto& [owner, record] : records_) {
    if (!adds_.contains(owner) && may_be_gone(record, ports)) {
      owners.push_back(owner);
    }
  }
  if (owners.empty()) {
    return owners;
  }
  std::set<net::IpAddress> used;
  WEFT_TRY(used, probe_.addresses());
  std::erase_if(owners, [&](const AddressOwner& owner) {
    return std::ranges::any_of(records_.at(owner).addresses, [&](const net::IpAddress& address) {
      return used.contains(address);
    });
  });
  return owners;
}

/// An interface that another CNI plugin made is not known, but it does not outlast the kernel.
bool PodLeases::may_be_gone(const LeaseRecord& record, const HostPorts& ports) const {
  const AttachmentId& id = record.attachment;
  if (ports.names.contains(veth_names(id).host) ||
      ports.names.contains(old_veth_names(id.container_id).host) ||
      ports.aliases.contains(port_alias(id))) {
    return false;
  }
  const bool is_of_this_boot = record.boot.empty() || boot_.empty() || record.boot == boot_;
  return record.has_port || !is_of_this_boot;
}

bool PodLeases::may_free(const LeaseRecord& record, Duration gone_for) {
  const bool is_late = gone_for >= delay;
  const auto is_busy = probe_.is_busy(record.attachment);
  return !is_busy.value_or(!is_late) && (is_late || waiting_ > 0);
}

void PodLeases::free(const AddressOwner& owner) {
  freeing_.insert(records_.extract(owner));
  ipam_->release(owner, {loop_, [this, owner](const Result<>& released) {
                           auto record = freeing_.extract(owner);
                           if (released) {
                             freed_.add();
                             stored_.changed();
                             return;
                           }
                           log_.warn("the address of a pod that is gone was not freed", "owner",
                                     owner, "error", released.error());
                           records_.insert(std::move(record));
                           delay_timer_ = loop_.after(delay, [this] { compare(); });
                         }});
}

}  // namespace weft::cni
