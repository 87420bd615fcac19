#pragma once
/// Programs on this host that use the kernel's Open vSwitch too.

#include <string_view>

namespace weft::odp {

/// Open vSwitch's daemon runs in the processes that this one sees. It deletes every datapath that
/// it finds when it opens its first bridge. Source: Open vSwitch ofproto/ofproto-dpif.c, init.
[[nodiscard]] bool is_vswitchd_running();

/// The words that name it, or another program when it does not run.
[[nodiscard]] std::string_view deleter();

}  // namespace weft::odp
