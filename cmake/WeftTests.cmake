# weft_add_test(NAME LABEL label SOURCES file... [LIBRARIES target...] [TIMEOUT seconds])
#
# One GoogleTest program, run as one ctest test. Labels: unit, interop, contract, netns, sim, fuzz,
# vm, bench (docs/design/testing.md). Those of vm run inside the virtual machine of tests/vm.
include(GoogleTest)

function(weft_add_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} weft::core GTest::gtest GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE WEFT_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             WEFT_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(arg_LABEL STREQUAL "vm")
    add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/vm/run --timeout ${arg_TIMEOUT}
                                  $<TARGET_FILE:${name}>)
  else()
    add_test(NAME ${name} COMMAND ${name})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
