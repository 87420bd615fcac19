# Every library we use, by its Debian package (scripts/setup installs them, and knows the releases).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)            # libboost-dev, libboost1.81-dev: Asio and DLL for the core, Beast for an example; headers only
find_package(fmt REQUIRED)                   # libfmt-dev
find_package(spdlog REQUIRED)                # libspdlog-dev
find_package(tl-expected REQUIRED)           # libexpected-dev
find_package(nlohmann_json REQUIRED)         # nlohmann-json3-dev
find_package(CLI11 REQUIRED)                 # libcli11-dev
find_package(prometheus-cpp REQUIRED COMPONENTS core)  # prometheus-cpp-dev
find_package(SQLite3 REQUIRED)               # libsqlite3-dev
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)      # libsodium-dev
find_library(ipsec_mb_LIBRARY IPSec_MB)      # libipsec-mb-dev, on amd64: AES-GCM; libsodium's without it
pkg_check_modules(bpf REQUIRED IMPORTED_TARGET libbpf)            # libbpf-dev
find_program(BPF_CLANG clang)                # clang: compiles eBPF programs, whatever compiles the rest
find_program(BPFTOOL bpftool)                # bpftool: embeds them (WeftBpf.cmake)
if(NOT BPF_CLANG)
  message(FATAL_ERROR "clang, which compiles eBPF programs, is missing: install the package clang")
endif()
if(NOT BPFTOOL)
  message(FATAL_ERROR "bpftool, which embeds eBPF programs, is missing: install the package bpftool")
endif()
pkg_check_modules(mnl REQUIRED IMPORTED_TARGET libmnl)            # libmnl-dev
pkg_check_modules(nftnl REQUIRED IMPORTED_TARGET libnftnl)        # libnftnl-dev
pkg_check_modules(nl REQUIRED IMPORTED_TARGET libnl-3.0)          # libnl-3-dev
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus) # libtomlplusplus-dev
find_package(GTest REQUIRED)                 # libgtest-dev
find_package(benchmark REQUIRED)             # libbenchmark-dev

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

find_program(CCACHE ccache)
if(CCACHE AND NOT WEFT_NO_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD AND CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_link_options(-fuse-ld=mold)
endif()

# One set of flags for every target, so that all of them can share one precompiled header.
# -fno-gnu-unique: without it dlclose of a plugin succeeds but leaves it mapped.
add_compile_options(-fPIC -fvisibility=hidden -fvisibility-inlines-hidden)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
endif()
add_compile_definitions(BOOST_DLL_USE_STD_FS FMT_SHARED SPDLOG_FMT_EXTERNAL SPDLOG_SHARED_LIB
                        SPDLOG_COMPILED_LIB)
add_link_options(-Wl,-z,defs -Wl,-z,relro -Wl,-z,now)
