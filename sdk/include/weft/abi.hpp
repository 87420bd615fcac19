#pragma once
/// The binary contract between host and plugin. Authors never include this: WEFT_PLUGIN uses it.

#include <cstdint>

#define WEFT_STRINGIFY_(x) #x
#define WEFT_STRINGIFY(x) WEFT_STRINGIFY_(x)

#ifdef __SANITIZE_ADDRESS__
#define WEFT_ABI_ASAN "1"
#else
#define WEFT_ABI_ASAN "0"
#endif
#ifdef __SANITIZE_THREAD__
#define WEFT_ABI_TSAN "1"
#else
#define WEFT_ABI_TSAN "0"
#endif

/// What must be identical on both sides because C++ classes cross the boundary.
#define WEFT_ABI_STAMP                                        \
  "gcc" WEFT_STRINGIFY(__GNUC__) ";cxx11abi=" WEFT_STRINGIFY( \
      _GLIBCXX_USE_CXX11_ABI) ";asan=" WEFT_ABI_ASAN ";tsan=" WEFT_ABI_TSAN

/// SDK version, not product version. Before 1.0 the minor must match too.
#define WEFT_SDK_MAJOR 0
#define WEFT_SDK_MINOR 1
#define WEFT_SDK_VERSION WEFT_STRINGIFY(WEFT_SDK_MAJOR) "." WEFT_STRINGIFY(WEFT_SDK_MINOR)

namespace weft::abi {

inline constexpr std::uint16_t sdk_major = WEFT_SDK_MAJOR;
inline constexpr std::uint16_t sdk_minor = WEFT_SDK_MINOR;

}  // namespace weft::abi

extern "C" {

/// The one symbol a plugin exports, named `weft_plugin`.
struct weft_plugin_v1 {
  std::uint32_t struct_size;  ///< grows at the end only
  std::uint16_t sdk_major;
  std::uint16_t sdk_minor;
  const char* abi_stamp;          ///< WEFT_ABI_STAMP of the plugin's compiler; static storage
  void* (*create)(void* host);    ///< weft::Host* in, weft::Plugin* out; null when it failed
  void (*destroy)(void* plugin);  ///< who allocates frees
};

}  // extern "C"
