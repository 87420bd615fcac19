#pragma once
/// Why a connection does not count, and how it ends then.

#include <utility>

#include <tl/expected.hpp>

#include <weft/result.hpp>

#include "gossip/drop_reason.hpp"
#include "gossip/link.hpp"

namespace weft::gossip {

struct Rejection {
  DropReason reason{};
  Error error;
};

/// Whether a connection may count.
using Admission = tl::expected<void, Rejection>;

/// Ends a connection. A weft peer is told why, when an operator has to change something.
void reject(Link& link, const Rejection& why);

}  // namespace weft::gossip
