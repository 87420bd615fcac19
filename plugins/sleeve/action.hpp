#pragma once
/// What a connection's state machines ask of it.

#include <cstdint>
#include <variant>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>

#include "cipher.hpp"
#include "secret.hpp"

namespace weft::sleeve {

/// Sub-tags of control messages over TCP. Source: router/sleeve.go.
enum class ControlTag : std::uint8_t {
  established = 1,             ///< your heartbeat arrived
  fragmentation_received = 2,  ///< your 60001-byte frame arrived
  mtu_verified = 3,            ///< your MTU test arrived; body: u16 frame length - 14
  // Between weft peers: key_message.hpp.
  key_offer = 4,
  key_answer = 5,
  keys_in_use = 6,
};

namespace action {
struct SendHeartbeat {};
struct SendFragmentationTest {};
/// A frame of `mtu` + 14 zero bytes with DF.
struct SendMtuTest {
  std::uint32_t mtu;
};
/// The same frame, but to another address: does it reach the peer?
struct SendAddressProbe {
  net::Endpoint to;
  std::uint32_t mtu;
};
/// Heartbeats come from an address where the peer is not.
struct MoveRefused {
  net::Endpoint from;
};
/// Answer with on_route or on_no_route.
struct QueryRoute {};
struct SendControl {
  ControlTag tag;
  Bytes body;
};
struct Established {};
/// `remote()` is new, or not what it was.
struct RemoteChanged {};
struct MtuVerified {};
/// From now on take datagrams of `generation` too.
struct AcceptKey {
  std::uint32_t generation;
  Cipher cipher;
  Secret key;
};
/// From now on send datagrams of `generation`.
struct SealWithKey {
  std::uint32_t generation;
  Cipher cipher;
  Secret key;
};
/// Take no datagrams any more but of the newest generation.
struct ForgetOldKeys {};
struct Fail {
  Error error;
};
}  // namespace action

using Action = std::variant<action::SendHeartbeat, action::SendFragmentationTest,
                            action::SendMtuTest, action::SendAddressProbe, action::MoveRefused,
                            action::QueryRoute, action::SendControl, action::Established,
                            action::RemoteChanged, action::MtuVerified, action::AcceptKey,
                            action::SealWithKey, action::ForgetOldKeys, action::Fail>;
using Actions = std::vector<Action>;

}  // namespace weft::sleeve
