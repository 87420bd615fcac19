/// Walks an ELF file's section table with every offset checked. Source: System V ABI, chapter 4.

#include "runtime/host/elf_section.hpp"

#include <elf.h>

#include <fmt/core.h>

namespace weft::host {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half our_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half our_machine = EM_AARCH64;
#endif
constexpr unsigned char our_byte_order =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

/// Copies a T from `offset`, at any alignment; nothing when it does not lie inside.
template <class T>
std::optional<T> read_at(ByteView file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

std::optional<ByteView> range(ByteView file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) {
    return std::nullopt;
  }
  return file.subspan(offset, size);
}

Result<Elf64_Ehdr> read_header(ByteView file) {
  const auto header = read_at<Elf64_Ehdr>(file, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
    return fail(Errc::malformed, "read the ELF header: this is no ELF file");
  }
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != our_byte_order ||
      header->e_machine != our_machine) {
    return fail(Errc::unsupported,
                fmt::format("use this ELF file: it is for another machine (class {}, byte order "
                            "{}, machine {}; here {}, {}, {})",
                            header->e_ident[EI_CLASS], header->e_ident[EI_DATA], header->e_machine,
                            ELFCLASS64, our_byte_order, our_machine));
  }
  if (header->e_type != ET_DYN) {
    return fail(Errc::malformed, "use this ELF file: it is no shared object");
  }
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shstrndx >= header->e_shnum) {
    return fail(Errc::malformed, "read the ELF section table: the header contradicts itself");
  }
  return *header;
}

/// The kernel maps segments from where the header says; beyond the file's end that is a bus error.
Result<> check_segments(ByteView file, const Elf64_Ehdr& header) {
  const auto table =
      range(file, header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
  if ((header.e_phnum != 0 && header.e_phentsize != sizeof(Elf64_Phdr)) || !table) {
    return fail(Errc::malformed, "read the ELF program headers: they lie outside the file");
  }
  for (std::size_t index = 0; index < header.e_phnum; ++index) {
    const auto segment = *read_at<Elf64_Phdr>(*table, index * sizeof(Elf64_Phdr));
    if (segment.p_type == PT_LOAD && !range(file, segment.p_offset, segment.p_filesz)) {
      return fail(Errc::malformed,
                  fmt::format("use ELF segment {}: it lies outside the file", index));
    }
  }
  return {};
}

/// Whether the string at `offset` of `names` is `name`, with its final zero inside.
bool is_named(ByteView names, std::uint64_t offset, std::string_view name) {
  const auto text = range(names, offset, name.size() + 1);
  return text && as_text(text->first(name.size())) == name && text->back() == std::byte{0};
}

}  // namespace

Result<ByteView> find_elf_section(ByteView file, std::string_view name) {
  auto header = read_header(file);
  if (!header) {
    return tl::unexpected(std::move(header).error());
  }
  WEFT_TRY(check_segments(file, *header));
  const auto table =
      range(file, header->e_shoff, std::uint64_t{header->e_shnum} * sizeof(Elf64_Shdr));
  if (!table) {
    return fail(Errc::malformed, "read the ELF section table: it lies outside the file");
  }
  const auto section = [&table](std::size_t index) {
    return *read_at<Elf64_Shdr>(*table, index * sizeof(Elf64_Shdr));
  };
  const Elf64_Shdr names_section = section(header->e_shstrndx);
  const auto names = range(file, names_section.sh_offset, names_section.sh_size);
  if (!names) {
    return fail(Errc::malformed, "read the ELF section names: they lie outside the file");
  }
  for (std::size_t index = 0; index < header->e_shnum; ++index) {
    const Elf64_Shdr candidate = section(index);
    if (!is_named(*names, candidate.sh_name, name)) {
      continue;
    }
    const auto content = range(file, candidate.sh_offset, candidate.sh_size);
    if (!content || candidate.sh_type == SHT_NOBITS) {
      return fail(Errc::malformed,
                  fmt::format("read ELF section {}: it lies outside the file", name));
    }
    return *content;
  }
  return fail(Errc::not_found, fmt::format("find ELF section {}: this is no weft plugin", name));
}

}  // namespace weft::host
