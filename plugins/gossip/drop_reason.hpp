#pragma once
/// Why a connection ended, as logged and counted.

#include <cstdint>
#include <string_view>

namespace weft::gossip {

enum class DropReason : std::uint8_t {
  not_a_peer,         ///< the first octets are not the mesh protocol
  handshake_timeout,  ///< the introduction was not finished in time
  crowded_out,        ///< its place was needed before it had introduced itself
  handshake_refused,  ///< versions, passwords or features do not fit
  undecryptable,      ///< wrong password, or octets changed on the way
  name_collision,     ///< another peer has our name
  name_taken,         ///< another peer that is connected has its name
  name_lost,          ///< another peer had its name before
  self,               ///< we dialled ourselves
  unknown_remote,     ///< a discovered address answered with a name nobody told us
  no_common_overlay,
  duplicate,  ///< two connections to one peer: the other one stays
  connection_limit,
  malformed,        ///< a message breaks the protocol
  handler_refused,  ///< a gossip channel's user refused a message
  overlay_failed,   ///< frames cannot reach the peer
  new_overlay,      ///< an overlay started: peers learn of it when they meet anew
  silent,           ///< nothing was heard for too long
  stalled,          ///< it takes nothing of what is sent to it, or holds up others
  refused_by_peer,  ///< the peer said why before it closed
  remote_closed,    ///< the stream ended
};

[[nodiscard]] constexpr std::string_view to_string(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::not_a_peer:
      return "not-a-peer";
    case DropReason::handshake_timeout:
      return "handshake-timeout";
    case DropReason::crowded_out:
      return "crowded-out";
    case DropReason::handshake_refused:
      return "handshake-refused";
    case DropReason::undecryptable:
      return "undecryptable";
    case DropReason::name_collision:
      return "name-collision";
    case DropReason::name_taken:
      return "name-taken";
    case DropReason::name_lost:
      return "name-lost";
    case DropReason::self:
      return "self";
    case DropReason::unknown_remote:
      return "unknown-remote";
    case DropReason::no_common_overlay:
      return "no-common-overlay";
    case DropReason::duplicate:
      return "duplicate";
    case DropReason::connection_limit:
      return "connection-limit";
    case DropReason::malformed:
      return "malformed";
    case DropReason::handler_refused:
      return "handler-refused";
    case DropReason::overlay_failed:
      return "overlay-failed";
    case DropReason::new_overlay:
      return "new-overlay";
    case DropReason::silent:
      return "silent";
    case DropReason::stalled:
      return "stalled";
    case DropReason::refused_by_peer:
      return "refused-by-peer";
    case DropReason::remote_closed:
      return "remote-closed";
  }
  return "unknown";
}

}  // namespace weft::gossip
