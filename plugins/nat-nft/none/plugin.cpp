/// The nat-none plugin: what nat-nft does, without translating anything.

#include "../nat_plugin.hpp"

namespace weft::nat {

class NatNone final : public NatPlugin {
 public:
  explicit NatNone(Host& host) : NatPlugin(host, "nat-none", Translation::none) {}
};

}  // namespace weft::nat

WEFT_PLUGIN(weft::nat::NatNone)
