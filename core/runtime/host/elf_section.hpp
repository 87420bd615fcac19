#pragma once
/// Finds one section in an ELF file that nobody has vouched for.

#include <string_view>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

namespace weft::host {

/// The octets of section `name` in a 64-bit shared object for this machine. A pure function: any
/// octets are safe to pass. Its segments lie inside the file too. Errors: Errc::malformed, saying
/// which rule of ELF is broken; Errc::unsupported for another machine's file; Errc::not_found
/// without such a section.
[[nodiscard]] WEFT_EXPORT Result<ByteView> find_elf_section(ByteView file, std::string_view name);

}  // namespace weft::host
