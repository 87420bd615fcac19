/// Its manifest fits, but its entry says that it was built otherwise.

#include "animal.hpp"

extern "C" WEFT_EXPORT const weft_plugin_v1 weft_plugin;
const weft_plugin_v1 weft_plugin{sizeof(weft_plugin_v1),
                                 weft::abi::sdk_major,
                                 weft::abi::sdk_minor,
                                 "gcc3;cxx11abi=0",
                                 &weft::detail::create_plugin<weft::zoo::Animal>,
                                 [](void* plugin) { delete static_cast<weft::Plugin*>(plugin); }};
