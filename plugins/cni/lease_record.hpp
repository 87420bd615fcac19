#pragma once
/// What the node remembers of every address that it gave to a pod, as values and on disk.

#include <map>
#include <string>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>
#include <weft/service/ipam.hpp>

#include "common/attachment/attachment.hpp"

namespace weft::cni {

struct LeaseRecord {
  AttachmentId attachment;
  std::string boot;       ///< the kernel's boot id when it was given; empty: not known
  bool has_port = false;  ///< weft makes the pod's interface; false: another CNI plugin may
  std::vector<net::IpAddress> addresses;  ///< empty: none given yet, as far as the disk says
  bool operator==(const LeaseRecord&) const = default;
};

using LeaseRecords = std::map<AddressOwner, LeaseRecord>;

[[nodiscard]] Bytes encode(const LeaseRecords& records);
/// Reads what weft 0.1 wrote, too. Errors: Errc::malformed.
[[nodiscard]] Result<LeaseRecords> decode_lease_records(ByteView octets);

}  // namespace weft::cni
