/// Tells peers why they are rejected.

#include "gossip/rejection.hpp"

#include "gossip/refused_peers.hpp"
#include "gossip/wire/message.hpp"

namespace weft::gossip {

void reject(Link& link, const Rejection& why) {
  if (!link.is_weft || !is_refusal(why.reason)) {
    link.connection->drop(why.reason, why.error);
    return;
  }
  using Kind = mesh::Notice::Kind;
  const Kind kind = why.reason == DropReason::name_taken  ? Kind::name_taken
                    : why.reason == DropReason::name_lost ? Kind::name_lost
                                                          : Kind::refusal;
  link.connection->end(why.reason, why.error,
                       mesh::encode_message(mesh::Notice{kind, why.error.context}));
}

}  // namespace weft::gossip
