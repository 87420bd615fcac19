#pragma once
/// Marks what `libweft-core.so` exports and, in a plugin, the one symbol the host looks up.

#define WEFT_EXPORT __attribute__((visibility("default")))
