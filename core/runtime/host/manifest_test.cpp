/// The manifest reader against files that are right, wrong, cut short and hostile.

#include "runtime/host/manifest.hpp"

#include <elf.h>

#include <cstring>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "runtime/host/elf_section.hpp"

namespace weft::host {
namespace {

constexpr std::string_view header = "weft-plugin 1\nabi = \"gcc12\"\nsdk = \"0.1\"\n";

/// The smallest shared object with one section of our name.
class ElfFile {
 public:
  explicit ElfFile(std::string_view content) {
    const std::string_view names("\0.weft.plugin\0.names\0", 21);
    const std::size_t names_at = sizeof(Elf64_Ehdr);
    const std::size_t content_at = names_at + names.size();
    const std::size_t table_at = content_at + content.size();
    octets_.resize(table_at + 3 * sizeof(Elf64_Shdr));
    std::memcpy(octets_.data() + names_at, names.data(), names.size());
    std::memcpy(octets_.data() + content_at, content.data(), content.size());

    Elf64_Ehdr elf{};
    std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
    elf.e_ident[EI_CLASS] = ELFCLASS64;
    elf.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.e_type = ET_DYN;
    elf.e_machine = EM_X86_64;
    elf.e_shoff = table_at;
    elf.e_shentsize = sizeof(Elf64_Shdr);
    elf.e_shnum = 3;
    elf.e_shstrndx = 2;
    put(0, elf);
    put(table_at + sizeof(Elf64_Shdr), section(1, content_at, content.size()));
    put(table_at + 2 * sizeof(Elf64_Shdr), section(14, names_at, names.size()));
  }

  /// Overwrites a T of the header or table at `offset`.
  template <class T>
  void put(std::size_t offset, T value) {
    std::memcpy(octets_.data() + offset, &value, sizeof value);
  }
  [[nodiscard]] std::size_t table_at() const { return octets_.size() - 3 * sizeof(Elf64_Shdr); }
  [[nodiscard]] ByteView view() const { return octets_; }

 private:
  static Elf64_Shdr section(Elf64_Word name, std::size_t offset, std::size_t size) {
    Elf64_Shdr section{};
    section.sh_name = name;
    section.sh_type = SHT_PROGBITS;
    section.sh_offset = offset;
    section.sh_size = size;
    return section;
  }

  Bytes octets_;
};

std::string good_text() {
  return std::string(header) +
         "name = \"gossip\"\nversion = \"0.3.0\"\nsummary = \"Peers.\"\n"
         "provides = [\"weft.mesh/1\"]\nrequires = [\"weft.store/1\"]\ncritical = true\n";
}

TEST(Manifest, IsReadFromAnElfFile) {
  const auto manifest = read_manifest(ElfFile(good_text() + '\0').view());

  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_EQ(manifest->name, "gossip");
  EXPECT_EQ(manifest->abi, (Abi{0, 1, "gcc12"}));
  EXPECT_EQ(manifest->provides, std::vector<std::string>{"weft.mesh/1"});
  EXPECT_EQ(manifest->required, std::vector<std::string>{"weft.store/1"});
  EXPECT_TRUE(manifest->critical);
}

TEST(Manifest, SurvivesEveryTruncation) {
  const ElfFile file(good_text());

  for (std::size_t length = 0; length < file.view().size(); ++length) {
    EXPECT_FALSE(read_manifest(file.view().first(length))) << length;
  }
}

TEST(Manifest, SurvivesEveryOctetBeingChanged) {
  const ElfFile file(good_text());

  for (std::size_t at = 0; at < file.view().size(); ++at) {
    for (const std::byte value :
         {std::byte{0}, std::byte{1}, std::byte{0x7F}, std::byte{0x80}, std::byte{0xFF}}) {
      ElfFile changed = file;
      changed.put(at, value);
      static_cast<void>(read_manifest(changed.view()));
    }
  }
}

TEST(Manifest, RefusesOtherMachinesFiles) {
  ElfFile class32(good_text());
  class32.put(EI_CLASS, std::uint8_t{ELFCLASS32});
  ElfFile big_endian(good_text());
  big_endian.put(EI_DATA, std::uint8_t{ELFDATA2MSB});
  ElfFile arm(good_text());
  arm.put(offsetof(Elf64_Ehdr, e_machine), Elf64_Half{EM_AARCH64});
  ElfFile executable(good_text());
  executable.put(offsetof(Elf64_Ehdr, e_type), Elf64_Half{ET_EXEC});

  EXPECT_EQ(read_manifest(class32.view()).error().code, Errc::unsupported);
  EXPECT_EQ(read_manifest(big_endian.view()).error().code, Errc::unsupported);
  EXPECT_EQ(read_manifest(arm.view()).error().code, Errc::unsupported);
  EXPECT_EQ(read_manifest(executable.view()).error().code, Errc::malformed);
}

TEST(Manifest, RefusesOffsetsOutsideTheFile) {
  constexpr std::uint64_t huge = ~std::uint64_t{0};
  ElfFile table(good_text());
  table.put(offsetof(Elf64_Ehdr, e_shoff), huge - 8);
  ElfFile content(good_text());
  content.put(content.table_at() + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_size), huge);
  ElfFile names(good_text());
  names.put(names.table_at() + 2 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_offset), huge);

  EXPECT_EQ(read_manifest(table.view()).error().code, Errc::malformed);
  EXPECT_EQ(read_manifest(content.view()).error().code, Errc::malformed);
  EXPECT_EQ(read_manifest(names.view()).error().code, Errc::malformed);
}

TEST(Manifest, SaysThatAnOrdinaryLibraryIsNoPlugin) {
  ElfFile file(good_text());
  file.put(file.table_at() + sizeof(Elf64_Shdr), Elf64_Word{2});

  EXPECT_EQ(read_manifest(file.view()).error().message(),
            "cannot find ELF section .weft.plugin: this is no weft plugin: not found");
}

TEST(Manifest, RefusesTextThatBreaksItsRules) {
  const auto refusal = [](const std::string& text) {
    const auto manifest = parse_manifest(text);
    return manifest ? std::string("accepted") : manifest.error().context;
  };
  const std::string start(header);

  EXPECT_NE(refusal("").find("does not begin with"), std::string::npos);
  EXPECT_NE(refusal("weft-plugin 2\nabi = \"x\"\nsdk = \"0.1\"\n").find("does not begin"),
            std::string::npos);
  EXPECT_NE(refusal("weft-plugin 1\nabi = \"x\"\nsdk = \"0.x\"\n").find("does not begin"),
            std::string::npos);
  EXPECT_NE(refusal(start + "name = ").find("plugin.toml:1:8"), std::string::npos);
  EXPECT_NE(refusal(start + "name = \"a\"\nprovide = []").find("did you mean 'provides'?"),
            std::string::npos);
  EXPECT_NE(refusal(start + "name = \"../a\"\nversion = \"1\"").find("name = "), std::string::npos);
  EXPECT_NE(refusal(start + "name = \"a\"").find("version is missing"), std::string::npos);
  EXPECT_NE(
      refusal(start + "name = \"a\"\nversion = \"1\"\nrequires = [\"gossip\"]").find("weft.mesh/1"),
      std::string::npos);
  EXPECT_NE(refusal(start + std::string(70'000, '#')).find("64 KiB"), std::string::npos);
}

TEST(Compatibility, BeforeOneZeroNeedsTheSameMinor) {
  const Abi host{0, 3, "gcc12"};

  EXPECT_TRUE(check_compatible({0, 3, "gcc12"}, host));
  EXPECT_FALSE(check_compatible({0, 2, "gcc12"}, host));
  EXPECT_FALSE(check_compatible({1, 3, "gcc12"}, host));
}

TEST(Compatibility, AfterOneZeroAcceptsOlderMinors) {
  const Abi host{1, 3, "gcc12"};

  EXPECT_TRUE(check_compatible({1, 2, "gcc12"}, host));
  EXPECT_FALSE(check_compatible({1, 4, "gcc12"}, host));
}

TEST(Compatibility, NamesBothSidesAndTheFix) {
  const Abi host{0, 3, "gcc12;asan=0"};

  EXPECT_EQ(check_compatible({0, 2, "gcc12;asan=0"}, host).error().context,
            "use a plugin built with weft-sdk 0.2 in a host with 0.3; rebuild it against weft-sdk "
            "0.3");
  EXPECT_EQ(check_compatible({0, 3, "gcc12;asan=1"}, host).error().context,
            "use a plugin built as \"gcc12;asan=1\" in a host built as \"gcc12;asan=0\"; rebuild "
            "it with the host's compiler and sanitizers");
}

}  // namespace
}  // namespace weft::host
