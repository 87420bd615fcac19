/// Any octets as the attributes of a dumped flow; one that weft would adopt is read again as it
/// would be written.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <linux/genetlink.h>
#include <linux/openvswitch.h>

#include <weft/result.hpp>

#include "odp/flow_codec.hpp"

namespace {

struct OvsMessage {
  genlmsghdr generic;
  ovs_header datapath;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::odp;
  const auto octets = std::as_bytes(std::span{data, size});
  const std::vector<std::byte> attributes(octets.begin(), octets.end());
  const KernelFlow flow = parse_flow(weft::nl::AttributeReader(weft::ByteView(attributes)));
  static_cast<void>(describe_keys(flow));
  static_cast<void>(describe_actions(flow.actions));
  if (!flow.is_plain) {
    return 0;
  }
  weft::nl::Message message(0x23, 0);
  message.extra_header<OvsMessage>();
  put_key(message, flow.key);
  put_actions(message, OVS_FLOW_ATTR_ACTIONS, flow.actions);
  if (!message.is_complete()) {
    return 0;  // more actions than weft ever writes
  }
  const KernelFlow again =
      parse_flow(weft::nl::AttributeReader(message.header(), sizeof(OvsMessage)));
  WEFT_CHECK(again.is_plain && again.key == flow.key && again.actions == flow.actions,
             "a plain flow is read as it was written");
  return 0;
}
