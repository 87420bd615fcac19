/// Files that somebody cut, changed or exchanged: refused with a reason, and nothing of them runs.

#include <dlfcn.h>
#include <elf.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "runtime/config/node_config.hpp"
#include "runtime/host/check.hpp"
#include "runtime/host/elf_section.hpp"
#include "runtime/host/loader.hpp"
#include "runtime/host/manifest.hpp"
#include "runtime/host/node.hpp"

namespace weft::host {
namespace {

namespace fs = std::filesystem;

const std::string zoo = WEFT_BINARY_DIR "/zoo";

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class T>
T read_at(const std::string& file, std::size_t offset) {
  T value{};
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

/// A directory in which `quiet.so` is not what it was.
class HostileFileTest : public ::testing::Test {
 protected:
  HostileFileTest() {
    std::string pattern = ::testing::TempDir() + "weft-hostile-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~HostileFileTest() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ + "/quiet.so"; }

  /// In place of the file that is there, as a new one: the linker knows files by their inode.
  void write(const std::string& octets) const {
    std::ofstream(path() + ".new", std::ios::binary) << octets;
    fs::rename(path() + ".new", path());
  }

  /// What a node of this plugin alone says about it; empty when it could start.
  [[nodiscard]] std::string complaint() const {
    auto config = config::parse_node_config(
        fmt::format("[host]\nplugins = [\"quiet\"]\nplugin-path = [\"{}\"]\nname = \"::1\"\n"
                    "lanes = 1\nstate-directory = \"{}\"\nrun-directory = \"{}\"\n",
                    directory_, directory_, directory_),
        "weft.toml");
    const auto node = Node::create(*std::move(config), std::make_shared<MainLoop>(), {});
    return node ? "" : node.error().front();
  }

  std::string directory_;
  const std::string good_ = read_file(zoo + "/quiet.so");
};

TEST_F(HostileFileTest, AcceptsTheUnchangedFile) {
  write(good_);

  EXPECT_EQ(complaint(), "");
}

TEST_F(HostileFileTest, RefusesAnotherMachinesFile) {
  std::string foreign = good_;
  foreign[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_RISCV);
  write(foreign);

  EXPECT_NE(complaint().find("it is for another machine"), std::string::npos) << complaint();
}

TEST_F(HostileFileTest, RefusesAFileThatEndsAtAnyOfItsBoundaries) {
  const auto header = read_at<Elf64_Ehdr>(good_, 0);
  std::set<std::size_t> ends{0, 4, EI_NIDENT, sizeof header - 1, sizeof header, good_.size() - 1};
  for (std::size_t i = 0; i <= header.e_phnum; ++i) {
    ends.insert(header.e_phoff + i * sizeof(Elf64_Phdr));
  }
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const std::size_t at = header.e_shoff + i * sizeof(Elf64_Shdr);
    ends.insert(at);
    const auto section = read_at<Elf64_Shdr>(good_, at);
    if (section.sh_type != SHT_NOBITS) {
      ends.insert(section.sh_offset);
    }
  }
  for (const std::size_t end : ends) {
    write(good_.substr(0, end));
    EXPECT_NE(complaint(), "") << "cut at " << end << " of " << good_.size();
  }
}

TEST_F(HostileFileTest, RefusesSegmentsBeyondTheFile) {
  std::string stretched = good_;
  const auto header = read_at<Elf64_Ehdr>(good_, 0);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    auto segment = read_at<Elf64_Phdr>(good_, at);
    if (segment.p_type == PT_LOAD) {
      segment.p_filesz = good_.size();
      segment.p_offset += 4096;
      std::memcpy(stretched.data() + at, &segment, sizeof segment);
    }
  }
  write(stretched);

  EXPECT_NE(complaint().find("lies outside the file"), std::string::npos) << complaint();
}

TEST_F(HostileFileTest, RefusesAPluginBuiltWithOtherSanitizers) {
  std::string other = good_;
  for (std::size_t at = 0; (at = other.find(";asan=", at)) != std::string::npos; ++at) {
    char& digit = other[at + 6];
    digit = digit == '0' ? '1' : '0';
  }
  write(other);

  EXPECT_NE(complaint().find("rebuild it with the host's compiler and sanitizers"),
            std::string::npos)
      << complaint();
}

TEST_F(HostileFileTest, ReadsManifestsOfMangledFilesWithoutHarm) {
  std::mt19937 random(3);
  std::size_t refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string mangled = good_;
    const auto header = read_at<Elf64_Ehdr>(good_, 0);
    for (unsigned change = 0; change <= random() % 8; ++change) {
      // Half of the changes hit the tables that lead to the manifest.
      const std::size_t table = header.e_shoff + random() % (header.e_shnum * sizeof(Elf64_Shdr));
      const std::size_t at = random() % 4 == 0   ? random() % sizeof header
                             : random() % 2 == 0 ? table
                                                 : random() % mangled.size();
      mangled[at] = static_cast<char>(random());
    }
    refused += read_manifest(as_bytes(mangled)) ? 0 : 1;
  }

  EXPECT_GT(refused, 100U);
  EXPECT_LT(refused, 5000U);
}

TEST_F(HostileFileTest, MakesNoNodeOfAMangledManifestAndSurvivesIt) {
  const auto manifest = find_elf_section(as_bytes(good_), ".weft.plugin");
  ASSERT_TRUE(manifest);
  const std::size_t begin =
      static_cast<std::size_t>(manifest->data() - reinterpret_cast<const std::byte*>(good_.data()));
  std::mt19937 random(3);
  std::size_t refused = 0;
  for (int round = 0; round < 200; ++round) {
    std::string mangled = good_;
    for (unsigned change = 0; change <= random() % 4; ++change) {
      mangled[begin + random() % manifest->size()] = static_cast<char>(random());
    }
    write(mangled);
    refused += complaint().empty() ? 0 : 1;
  }

  EXPECT_GT(refused, 100U);
}

TEST_F(HostileFileTest, LoadsTheFileThatASymbolicLinkNamedWhenItWasChecked) {
  fs::create_directory(directory_ + "/real");
  fs::copy_file(zoo + "/quiet.so", directory_ + "/real/quiet.so");
  fs::create_symlink("real/quiet.so", path());

  const auto library = Library::load(path());

  ASSERT_TRUE(library) << library.error().message();
  Dl_info info{};
  ASSERT_NE(dladdr(&library->entry(), &info), 0);
  EXPECT_EQ(info.dli_fname, fs::canonical(directory_ + "/real/quiet.so").string());
}

TEST_F(HostileFileTest, NeverLoadsWhatASwappedSymbolicLinkLeadsTo) {
  const std::string mark = directory_ + "/it-ran";
  setenv("WEFT_ZOO_FILE", mark.c_str(), 1);
  fs::copy_file(zoo + "/quiet.so", directory_ + "/good.so");
  fs::copy_file(zoo + "/opens-when-loaded.so", directory_ + "/evil.so");
  ASSERT_EQ(chmod((directory_ + "/evil.so").c_str(), 0666), 0);
  fs::create_symlink("good.so", path());
  std::atomic<bool> is_over{false};
  std::thread swapper([&] {
    for (bool evil = true; !is_over; evil = !evil) {
      fs::create_symlink(evil ? "evil.so" : "good.so", directory_ + "/next");
      fs::rename(directory_ + "/next", path());
    }
  });
  int loaded = 0;
  int refused = 0;
  for (int round = 0; round < 20'000 && (round < 2000 || loaded == 0 || refused == 0); ++round) {
    ++(Library::load(path()) ? loaded : refused);
  }
  is_over = true;
  swapper.join();
  unsetenv("WEFT_ZOO_FILE");

  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
  EXPECT_FALSE(fs::exists(mark));
}

TEST_F(HostileFileTest, RefusesALinkToAFileThatOthersCanWrite) {
  fs::copy_file(zoo + "/quiet.so", directory_ + "/real.so");
  ASSERT_EQ(chmod((directory_ + "/real.so").c_str(), 0666), 0);
  fs::create_symlink("real.so", path());

  EXPECT_NE(complaint().find("its mode 0666 lets others write to it"), std::string::npos)
      << complaint();
}

}  // namespace
}  // namespace weft::host
