#pragma once
/// The symbols of a shared object that was found sound by host::find_elf_section.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

namespace weft::conformance {

struct Symbol {
  std::string name;         ///< mangled
  unsigned binding = 0;     ///< STB_*
  unsigned type = 0;        ///< STT_*
  unsigned visibility = 0;  ///< STV_*
  bool is_defined = false;
  bool is_writable = false;  ///< in a section that stays writable after relocation
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

/// Owns the file's octets. Any octets are safe: what does not fit is left out.
class ElfObject {
 public:
  /// Errors: the errno of reading; Errc::malformed.
  [[nodiscard]] static Result<ElfObject> read(const std::string& path);

  /// What other objects see: .dynsym.
  [[nodiscard]] std::vector<Symbol> exported() const { return symbols(".dynsym", ".dynstr"); }
  /// Everything, when the file was not stripped: .symtab.
  [[nodiscard]] std::vector<Symbol> all() const { return symbols(".symtab", ".strtab"); }
  [[nodiscard]] bool has_text_relocations() const;

 private:
  [[nodiscard]] std::vector<Symbol> symbols(std::string_view table, std::string_view names) const;
  [[nodiscard]] bool is_writable_section(unsigned index) const;

  Bytes file_;
};

/// As in the source; `mangled` itself when it is no C++ name.
[[nodiscard]] std::string demangle(const std::string& mangled);

}  // namespace weft::conformance
