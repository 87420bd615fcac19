# weft_add_bpf(TARGET NAME.bpf.c)
#
# Compiles an eBPF program and embeds it in TARGET, whose sources load it by the functions of
# "NAME.skel.h" (bpftool-gen(8)): NAME_bpf__open, NAME_bpf__load, NAME_bpf__destroy. Instruction set
# v2 suits kernels from 4.14 on; newer clangs would assume a newer one.
function(weft_add_bpf target file)
  get_filename_component(source ${file} ABSOLUTE)
  get_filename_component(name ${file} NAME_WE)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/bpf)
  set(object ${directory}/${name}.bpf)
  set(skeleton ${directory}/${name}.skel.h)
  file(MAKE_DIRECTORY ${directory})

  set(includes)
  foreach(include IN LISTS bpf_INCLUDE_DIRS)
    list(APPEND includes -isystem ${include})
  endforeach()
  if(CMAKE_C_LIBRARY_ARCHITECTURE)  # where Debian has <asm/types.h>
    list(APPEND includes -idirafter /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE})
  endif()
  # `gen object` leaves the DWARF out, and keeps the BTF.
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v2 -std=gnu11 -O2 -g -Wall -Wextra -Werror ${includes}
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -MD -MF ${object}.d -MT ${skeleton}
            -c ${source} -o ${object}.o
    COMMAND ${BPFTOOL} gen object ${object}.linked.o ${object}.o
    COMMAND ${BPFTOOL} gen skeleton ${object}.linked.o name ${name}_bpf > ${skeleton}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "Building eBPF program ${file}"
    VERBATIM)
  target_sources(${target} PRIVATE ${skeleton})
  target_include_directories(${target} SYSTEM PRIVATE ${directory})
  target_link_libraries(${target} PUBLIC PkgConfig::bpf)
endfunction()
