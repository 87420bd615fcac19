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

  file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${arg_MANIFEST} WEFT_MANIFEST_TEXT)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${arg_MANIFEST})
  configure_file(${WEFT_CMAKE_DIR}/manifest.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.cpp
                 @ONLY)

  if(arg_SOURCES)
    add_library(weft_${name} OBJECT ${arg_SOURCES})
    target_link_libraries(weft_${name} PUBLIC weft::core ${arg_LIBRARIES})
    target_include_directories(weft_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/..)
    weft_use_pch(weft_${name})
  endif()

  add_library(${name}_plugin MODULE plugin.cpp ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.cpp)
  target_link_libraries(${name}_plugin PRIVATE weft::core ${arg_LIBRARIES})
  if(arg_SOURCES)
    target_link_libraries(${name}_plugin PRIVATE weft_${name})
  endif()
  weft_use_pch(${name}_plugin)
  set_target_properties(${name}_plugin PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                        LIBRARY_OUTPUT_DIRECTORY ${WEFT_PLUGIN_DIR})
  install(TARGETS ${name}_plugin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/plugins)
endfunction()

set(WEFT_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
