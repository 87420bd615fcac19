/// The gossip plugin's entry point.

#include <weft/plugin.hpp>

#include "gossip/gossip.hpp"

WEFT_PLUGIN(weft::gossip::Gossip)
