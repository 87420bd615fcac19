# What an installation holds: the component `runtime` is what a node needs, `sdk` what a plugin's
# author needs besides, `lab` the test rig that `weft lab` starts. The executables find libweft-core beside themselves, wherever that is.
include(CMakePackageConfigHelpers)

set(WEFT_CMAKE_INSTALL_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Weft)
install(EXPORT WeftTargets NAMESPACE weft:: DESTINATION ${WEFT_CMAKE_INSTALL_DIR} COMPONENT sdk)
configure_package_config_file(cmake/WeftConfig.cmake.in ${CMAKE_BINARY_DIR}/WeftConfig.cmake
                              INSTALL_DESTINATION ${WEFT_CMAKE_INSTALL_DIR})
# Before SDK 1.0 the minor must match too.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/WeftConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/WeftConfig.cmake ${CMAKE_BINARY_DIR}/WeftConfigVersion.cmake
              cmake/WeftPlugin.cmake cmake/manifest.cpp.in
        DESTINATION ${WEFT_CMAKE_INSTALL_DIR} COMPONENT sdk)

configure_file(cmake/weft.pc.in ${CMAKE_BINARY_DIR}/weft.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/weft.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT sdk)

install(DIRECTORY sdk/include/weft core/testing/include/weft
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
install(DIRECTORY sdk/template DESTINATION ${CMAKE_INSTALL_DATADIR}/weft COMPONENT sdk)
install(DIRECTORY sdk/examples DESTINATION ${CMAKE_INSTALL_DATADIR}/weft COMPONENT sdk)

# `weft plugin new` looks in share/ beside bin/, also in a build tree.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/sdk ${CMAKE_BINARY_DIR}/share/weft SYMBOLIC)
