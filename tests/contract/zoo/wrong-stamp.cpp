/// Built by another compiler.

#include <weft/abi.hpp>

__attribute__((section(".weft.plugin"), used)) extern const char weft_plugin_manifest[] =
    "weft-plugin 1\nabi = \"gcc3;cxx11abi=0\"\nsdk = \"" WEFT_SDK_VERSION
    "\"\nname = \"wrong-stamp\"\nversion = \"1\"\n";
