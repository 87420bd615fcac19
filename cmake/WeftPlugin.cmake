# weft_add_plugin(NAME [SOURCES file...] [LIBRARIES target...])
#
# Builds NAME.so from plugin.cpp and the domain files in SOURCES, with plugin.toml embedded in the
# ELF section .weft.plugin. The domain files form the object library weft_NAME, which unit tests
# link directly. No version script and no -Bsymbolic: they break Asio's idea of "this loop's thread".
function(weft_add_plugin name)
  cmake_parse_arguments(arg "" "MANIFEST" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_MANIFEST)
    set(arg_MANIFEST plugin.toml)
  endif()
  if(arg_SOURCES)
    add_library(weft_${name} OBJECT ${arg_SOURCES})
    target_link_libraries(weft_${name} PUBLIC weft::core ${arg_LIBRARIES})
    target_include_directories(weft_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/..)
    weft_use_pch(weft_${name})
  endif()

  file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${arg_MANIFEST} manifest)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${arg_MANIFEST})
  weft_add_plugin_module(${name} plugin.cpp "${manifest}" ${WEFT_PLUGIN_DIR})
  target_link_libraries(${name}_plugin PRIVATE ${arg_LIBRARIES})
  if(arg_SOURCES)
    target_link_libraries(${name}_plugin PRIVATE weft_${name})
  endif()
  install(TARGETS ${name}_plugin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/plugins)
endfunction()

# The module NAME.so alone, from one source and a manifest's text, left in `directory`.
function(weft_add_plugin_module name source manifest directory)
  set(WEFT_MANIFEST_TEXT "${manifest}")
  configure_file(${WEFT_CMAKE_DIR}/manifest.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.cpp
                 @ONLY)
  add_library(${name}_plugin MODULE ${source} ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.cpp)
  target_link_libraries(${name}_plugin PRIVATE weft::core)
  weft_use_pch(${name}_plugin)
  set_target_properties(${name}_plugin PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                        LIBRARY_OUTPUT_DIRECTORY ${directory})
endfunction()

set(WEFT_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
