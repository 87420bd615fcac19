/// Built against an SDK of the future.

__attribute__((section(".weft.plugin"), used)) extern const char weft_plugin_manifest[] =
    "weft-plugin 1\nabi = \"gcc12\"\nsdk = \"0.999\"\nname = \"wrong-sdk\"\nversion = \"1\"\n";
