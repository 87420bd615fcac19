/// Reads symbol tables and the dynamic section. Source: System V ABI, chapters 4 and 5.

#include "elf_object.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/core.h>

#include <weft/small_file.hpp>
#include <weft/unique_fd.hpp>

#include "runtime/host/elf_section.hpp"

namespace weft::conformance {
namespace {

constexpr std::size_t max_file_bytes = 512U << 20U;

template <class T>
std::vector<T> entries(ByteView section) {
  std::vector<T> list(section.size() / sizeof(T));
  std::memcpy(list.data(), section.data(), list.size() * sizeof(T));
  return list;
}

ByteView section_or_empty(ByteView file, std::string_view name) {
  return host::find_elf_section(file, name).value_or(ByteView{});
}

std::string name_at(ByteView names, std::uint64_t offset) {
  if (offset >= names.size()) {
    return {};
  }
  const std::string_view rest = as_text(names.subspan(offset));
  return std::string(rest.substr(0, rest.find('\0')));
}

}  // namespace

Result<ElfObject> ElfObject::read(const std::string& path) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  const auto text = fd ? read_all(fd, max_file_bytes) : tl::unexpected(errno);
  if (!text) {
    return fail(text.error(), fmt::format("read '{}'", path));
  }
  ElfObject object;
  object.file_.assign(as_bytes(*text).begin(), as_bytes(*text).end());
  if (auto symbols = host::find_elf_section(object.file_, ".dynsym"); !symbols) {
    return tl::unexpected(std::move(symbols).error());
  }
  return object;
}

bool ElfObject::has_text_relocations() const {
  for (const auto& entry : entries<Elf64_Dyn>(section_or_empty(file_, ".dynamic"))) {
    if (entry.d_tag == DT_TEXTREL ||
        (entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_TEXTREL) != 0)) {
      return true;
    }
  }
  return false;
}

std::vector<Symbol> ElfObject::symbols(std::string_view table, std::string_view names) const {
  const ByteView texts = section_or_empty(file_, names);
  std::vector<Symbol> list;
  for (const auto& entry : entries<Elf64_Sym>(section_or_empty(file_, table))) {
    list.push_back(
        {name_at(texts, entry.st_name), static_cast<unsigned>(ELF64_ST_BIND(entry.st_info)),
         static_cast<unsigned>(ELF64_ST_TYPE(entry.st_info)),
         static_cast<unsigned>(ELF64_ST_VISIBILITY(entry.st_other)), entry.st_shndx != SHN_UNDEF,
         is_writable_section(entry.st_shndx), entry.st_value, entry.st_size});
  }
  return list;
}

bool ElfObject::is_writable_section(unsigned index) const {
  Elf64_Ehdr header{};  // checked by find_elf_section when the object was read
  std::memcpy(&header, file_.data(), sizeof header);
  if (index == SHN_UNDEF || index >= header.e_shnum) {
    return false;
  }
  const auto section = [&](std::size_t number) {
    Elf64_Shdr found{};
    std::memcpy(&found, file_.data() + header.e_shoff + number * sizeof found, sizeof found);
    return found;
  };
  const Elf64_Shdr names = section(header.e_shstrndx);
  const Elf64_Shdr found = section(index);
  const std::string name =
      name_at(ByteView(file_).subspan(names.sh_offset, names.sh_size), found.sh_name);
  return (found.sh_flags & SHF_WRITE) != 0 &&
         (name.starts_with(".data") || name.starts_with(".bss") || name.starts_with(".tdata") ||
          name.starts_with(".tbss")) &&
         !name.starts_with(".data.rel.ro");
}

std::string demangle(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : mangled;
}

}  // namespace weft::conformance
