/// The address plugin's entry point.

#include <weft/plugin.hpp>

#include "ipam/ipam_plugin.hpp"

WEFT_PLUGIN(weft::ipam::IpamPlugin)
