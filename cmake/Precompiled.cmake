# One precompiled header for everything: a typical file takes a third of the time with it. SDK
# headers must compile without it all the same (tests/hygiene).
file(WRITE ${CMAKE_BINARY_DIR}/pch/pch.cpp.new "// holds the shared precompiled header\n")
file(COPY_FILE ${CMAKE_BINARY_DIR}/pch/pch.cpp.new ${CMAKE_BINARY_DIR}/pch/pch.cpp ONLY_IF_DIFFERENT)
add_library(weft_pch OBJECT ${CMAKE_BINARY_DIR}/pch/pch.cpp)
target_link_libraries(weft_pch PRIVATE Boost::boost fmt::fmt tl::expected Threads::Threads)
target_precompile_headers(weft_pch PRIVATE
  <algorithm> <array> <atomic> <bit> <chrono> <cstddef> <cstdint> <cstring> <deque> <functional>
  <map> <memory> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility>
  <variant> <vector> <fmt/core.h> <tl/expected.hpp> <boost/asio/io_context.hpp>
  <boost/asio/post.hpp> <boost/asio/steady_timer.hpp>)

function(weft_use_pch target)
  set_target_properties(${target} PROPERTIES DEFINE_SYMBOL "")
  target_precompile_headers(${target} REUSE_FROM weft_pch)
endfunction()
