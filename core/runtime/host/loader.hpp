#pragma once
/// Loads a plugin's file, after it was found trustworthy and its manifest acceptable.

#include <memory>
#include <string>
#include <vector>

#include <weft/abi.hpp>
#include <weft/result.hpp>

namespace weft::host {

/// Finds NAME.so in `directories`. Errors: Errc::not_found, listing where it was looked for.
[[nodiscard]] WEFT_EXPORT Result<std::string> find_plugin_file(
    const std::string& name, const std::vector<std::string>& directories);

/// Refuses a file that anyone but root (or us) could have written or replaced: it would run with
/// our rights. Answers `path` without symbolic links: nobody else can make that name another file,
/// so what was checked is what is loaded by it. Errors: Errc::denied, naming the path and the fix.
[[nodiscard]] WEFT_EXPORT Result<std::string> check_plugin_file(const std::string& path);

/// A plugin's code in this process. Production never unmaps it; builds with sanitizers do, when
/// this object goes, so that tests find what a plugin leaves behind. Main thread.
class Library {
 public:
  /// Loads it in a child of this process first, so that a static constructor that throws, hangs
  /// or crashes there is an error here: for a process that must go on. Blocks for at most 10 s.
  /// Errors: Errc::invalid, how the child ended.
  [[nodiscard]] WEFT_EXPORT static Result<> try_out(const std::string& path);

  /// Runs the library's static constructors; one that throws ends the process with a line that
  /// says so, as the dynamic linker lets no exception through. Errors: Errc::invalid with the
  /// dynamic linker's words, or a rule of weft_plugin_v1 that is broken; those of
  /// check_plugin_file.
  [[nodiscard]] WEFT_EXPORT static Result<Library> load(const std::string& path);

  WEFT_EXPORT Library(Library&& other) noexcept;
  Library& operator=(Library&&) = delete;
  WEFT_EXPORT ~Library();

  [[nodiscard]] const weft_plugin_v1& entry() const noexcept { return *entry_; }

 private:
  struct Handle;
  Library(std::unique_ptr<Handle> handle, const weft_plugin_v1* entry) noexcept;

  std::unique_ptr<Handle> handle_;
  const weft_plugin_v1* entry_;
};

}  // namespace weft::host
