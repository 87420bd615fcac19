# Two precompiled headers, of what nearly every file includes: one for all that ships, and one for test
# programs, which has GoogleTest besides. A typical file takes a third of the time with it. SDK headers
# must compile without it all the same (tests/hygiene). The C library's network headers come before
# the kernel's, which then leave out what both declare.
file(WRITE ${CMAKE_BINARY_DIR}/pch/pch.cpp.new "// holds a shared precompiled header\n")
file(COPY_FILE ${CMAKE_BINARY_DIR}/pch/pch.cpp.new ${CMAKE_BINARY_DIR}/pch/pch.cpp ONLY_IF_DIFFERENT)

function(weft_add_pch name)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/pch/pch.cpp)
  target_link_libraries(${name} PRIVATE fmt::fmt tl::expected Threads::Threads)
  target_precompile_headers(${name} PRIVATE
    <algorithm> <array> <atomic> <bit> <chrono> <cstddef> <cstdint> <cstring> <deque> <functional>
    <map> <memory> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility>
    <variant> <vector> <fmt/core.h> <tl/expected.hpp>
    <sys/socket.h> <netinet/in.h> <arpa/inet.h> <net/if.h> ${ARGN})
  # The compiler cache has given back the header of an earlier list of includes.
  set_target_properties(${name} PROPERTIES CXX_COMPILER_LAUNCHER "")
endfunction()
weft_add_pch(weft_pch)
weft_add_pch(weft_test_pch <gtest/gtest.h>)
target_link_libraries(weft_test_pch PRIVATE GTest::gtest)

function(weft_use_pch target)
  set_target_properties(${target} PROPERTIES DEFINE_SYMBOL "")
  target_precompile_headers(${target} REUSE_FROM weft_pch)
endfunction()

function(weft_use_test_pch target)
  target_precompile_headers(${target} REUSE_FROM weft_test_pch)
endfunction()
