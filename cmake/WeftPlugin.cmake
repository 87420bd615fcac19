# How plugins are built, in this tree and, through find_package(Weft), in anybody's.
#
# weft_add_plugin(NAME [SOURCES file...] [LIBRARIES target...] [MANIFEST file])
#
# Builds NAME.so from plugin.cpp and the domain files in SOURCES, with plugin.toml embedded in the
# ELF section .weft.plugin. The domain files form the object library weft_NAME, which unit tests
# link directly.
#
# weft_add_plugin_test(NAME SOURCES file... [LIBRARIES target...])
#
# A GoogleTest program with weft::testing, run by ctest.
include(GNUInstallDirs)

function(weft_add_plugin name)
  cmake_parse_arguments(arg "" "MANIFEST" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_MANIFEST)
    set(arg_MANIFEST plugin.toml)
  endif()
  if(arg_SOURCES)
    add_library(weft_${name} OBJECT ${arg_SOURCES})
    target_link_libraries(weft_${name} PUBLIC weft::core ${arg_LIBRARIES})
    target_include_directories(weft_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/..)
    weft_plugin_flags(weft_${name})
  endif()

  file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${arg_MANIFEST} manifest)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${arg_MANIFEST})
  if(NOT WEFT_PLUGIN_DIR)
    set(WEFT_PLUGIN_DIR ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  weft_add_plugin_module(${name} plugin.cpp "${manifest}" ${WEFT_PLUGIN_DIR})
  target_link_libraries(${name}_plugin PRIVATE ${arg_LIBRARIES})
  if(arg_SOURCES)
    target_link_libraries(${name}_plugin PRIVATE weft_${name})
  endif()
  install(TARGETS ${name}_plugin LIBRARY DESTINATION lib/weft/plugins COMPONENT runtime)
endfunction()

# The module NAME.so alone, from one source and a manifest's text, left in `directory`.
function(weft_add_plugin_module name source manifest directory)
  set(WEFT_MANIFEST_TEXT "${manifest}")
  configure_file(${WEFT_CMAKE_DIR}/manifest.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.cpp
                 @ONLY)
  add_library(${name}_plugin MODULE ${source} ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.cpp)
  target_link_libraries(${name}_plugin PRIVATE weft::core)
  weft_plugin_flags(${name}_plugin)
  set_target_properties(${name}_plugin PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                        LIBRARY_OUTPUT_DIRECTORY ${directory} INSTALL_RPATH "\$ORIGIN/../..")
endfunction()

# What every file of a plugin is compiled with. Inside weft's own tree all targets have it already,
# and share a precompiled header. -fno-gnu-unique: without it dlclose of a plugin leaves it mapped.
function(weft_plugin_flags target)
  if(COMMAND weft_use_pch)
    weft_use_pch(${target})
    return()
  endif()
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE -Wl,-z,defs -Wl,-z,relro -Wl,-z,now)
endfunction()

function(weft_add_plugin_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT TARGET GTest::gtest_main)
    message(FATAL_ERROR "weft_add_plugin_test(${name}) needs GoogleTest: install libgtest-dev")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} weft::testing weft::core GTest::gtest
                                        GTest::gtest_main)
  if(COMMAND weft_use_test_pch)
    weft_use_test_pch(${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

set(WEFT_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
