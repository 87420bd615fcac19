/// The nat-nft plugin: pods reach the world under the address of their node.

#include "nat_plugin.hpp"

namespace weft::nat {

class NatNft final : public NatPlugin {
 public:
  explicit NatNft(Host& host) : NatPlugin(host, "nat-nft", Translation::masquerade) {}
};

}  // namespace weft::nat

WEFT_PLUGIN(weft::nat::NatNft)
