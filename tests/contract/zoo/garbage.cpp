/// Its manifest is no manifest.

__attribute__((section(".weft.plugin"), used)) extern const char weft_plugin_manifest[] =
    "\x01\x02garbage\xff";
