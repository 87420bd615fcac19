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
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} weft_core_internals GTest::gtest GTest::gtest_main)
  weft_use_test_pch(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE WEFT_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             WEFT_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(arg_LABEL STREQUAL "vm")
    weft_add_vm_test(${name} $<TARGET_FILE:${name}>)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# weft_add_vm_test(NAME [KERNEL kernel] COMMAND...): runs COMMAND in the virtual machine of tests/vm, one
# machine at a time: each has two processors. Where GoogleTest leaves its results is kept. `kernel`: as
# tests/vm/run says; 6.1 unless given.
function(weft_add_vm_test name)
  cmake_parse_arguments(arg "" "KERNEL" "" ${ARGN})
  if(NOT arg_KERNEL)
    set(arg_KERNEL 6.1)
  endif()
  if(WEFT_SANITIZE)
    return()  # emulated and sanitized, nothing keeps its deadlines
  endif()
  add_test(NAME ${name}
           COMMAND ${PROJECT_SOURCE_DIR}/tests/vm/run --kernel ${arg_KERNEL} --timeout 600
                   --keep ${CMAKE_BINARY_DIR}/test-results ${arg_UNPARSED_ARGUMENTS})
  set_tests_properties(${name} PROPERTIES LABELS vm TIMEOUT 660 RUN_SERIAL TRUE
                                          SKIP_RETURN_CODE 77)
endfunction()
