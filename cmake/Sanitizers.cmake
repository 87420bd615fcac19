# WEFT_SANITIZE=address (with undefined and leak) or thread. Part of the plugin ABI stamp.
set(WEFT_SANITIZE "" CACHE STRING "address or thread")
option(WEFT_FUZZ "Build the libFuzzer targets (clang only)" OFF)

if(WEFT_SANITIZE STREQUAL "address")
  set(weft_sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=undefined
                          -fno-omit-frame-pointer)
elseif(WEFT_SANITIZE STREQUAL "thread")
  set(weft_sanitize_flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(NOT WEFT_SANITIZE STREQUAL "")
  message(FATAL_ERROR "WEFT_SANITIZE is '${WEFT_SANITIZE}': use address or thread")
endif()
if(WEFT_FUZZ)
  list(APPEND weft_sanitize_flags -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND WEFT_SANITIZE)
  string(TOUPPER ${WEFT_SANITIZE} weft_sanitizer)  # GCC says so itself
  add_compile_definitions(__SANITIZE_${weft_sanitizer}__)
endif()
add_compile_options(${weft_sanitize_flags})
add_link_options(${weft_sanitize_flags})
if(weft_sanitize_flags)
  # Sanitizer run-time symbols are resolved by the executable.
  string(REPLACE "-Wl,-z,defs" "" weft_link "$<1:>")
  get_directory_property(weft_link LINK_OPTIONS)
  list(REMOVE_ITEM weft_link -Wl,-z,defs)
  set_directory_properties(PROPERTIES LINK_OPTIONS "${weft_link}")
endif()
