/// The only file that loads code. Boost.DLL is used for its portable dlopen and nothing more.

#include "runtime/host/loader.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <boost/dll/shared_library.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>

#include <fmt/core.h>

#include <weft/unique_fd.hpp>

#include "runtime/host/manifest.hpp"

namespace weft::host {

struct Library::Handle {
  boost::dll::shared_library library;
};

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool unloads = true;
#else
constexpr bool unloads = false;
#endif

constexpr const char* entry_symbol = "weft_plugin";

/// `is_sticky_safe`: a directory like /tmp, where others cannot replace what is not theirs.
Result<> check_owner_and_mode(const std::string& path, bool is_sticky_safe) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    return fail(errno, fmt::format("examine '{}'", path));
  }
  if (S_ISLNK(status.st_mode)) {
    return fail(Errc::denied, fmt::format("load code from '{}': it became a symbolic link while it "
                                          "was examined",
                                          path));
  }
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return fail(Errc::denied, fmt::format("load code from '{}': it belongs to user {}; fix: chown "
                                          "root '{}'",
                                          path, status.st_uid, path));
  }
  const bool is_protected = is_sticky_safe && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_protected) {
    return fail(Errc::denied, fmt::format("load code from '{}': its mode {:04o} lets others write "
                                          "to it; fix: chmod go-w '{}'",
                                          path, status.st_mode & 07777U, path));
  }
  return {};
}

const char* path_being_loaded = nullptr;  // main thread

/// No exception passes the dynamic linker: what a static constructor throws ends the process. It
/// ends with a line that says so, as every plugin that does not load does.
[[noreturn]] void end_with_reason() noexcept {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cannot load plugin '%s': a static constructor threw: %s\n",
                 path_being_loaded, error.what());
    _exit(1);
  } catch (...) {
    std::fprintf(stderr, "cannot load plugin '%s': a static constructor threw\n",
                 path_being_loaded);
    _exit(1);
  }
}

/// Explains an end of the process while a library's static constructors run.
class LoadScope {
 public:
  explicit LoadScope(const std::string& path) : previous_(std::set_terminate(&end_with_reason)) {
    path_being_loaded = path.c_str();
  }
  ~LoadScope() { std::set_terminate(previous_); }
  LoadScope(const LoadScope&) = delete;
  LoadScope& operator=(const LoadScope&) = delete;

 private:
  std::terminate_handler previous_;
};

Result<> check_entry(const weft_plugin_v1& entry, const std::string& path) {
  const auto refuse = [&path](std::string_view what) {
    return fail(Errc::invalid, fmt::format("load plugin '{}': {}", path, what));
  };
  if (entry.struct_size < sizeof(weft_plugin_v1)) {
    return refuse("its weft_plugin structure is too short");
  }
  if (entry.abi_stamp == nullptr || entry.create == nullptr || entry.destroy == nullptr) {
    return refuse("its weft_plugin structure is incomplete");
  }
  return check_compatible({entry.sdk_major, entry.sdk_minor, entry.abi_stamp}, host_abi());
}

}  // namespace

Result<std::string> find_plugin_file(const std::string& name,
                                     const std::vector<std::string>& directories) {
  std::string places;
  for (const std::string& directory : directories) {
    std::string path = fmt::format("{}/{}.so", directory, name);
    if (access(path.c_str(), F_OK) == 0) {
      return path;
    }
    places += (places.empty() ? "" : ", ") + directory;
  }
  return fail(Errc::not_found, fmt::format("find {}.so in {} (host.plugin-path)", name,
                                           places.empty() ? "no directory" : places));
}

Result<std::string> check_plugin_file(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) {
    return tl::unexpected(Error{error, fmt::format("find plugin '{}'", path)});
  }
  // From the root down: once a directory is known to be safe, what it names stays what it is.
  std::filesystem::path part;
  for (const std::filesystem::path& name : real) {
    part /= name;
    WEFT_TRY(check_owner_and_mode(part.string(), part != real && part != real.parent_path()));
  }
  return real.string();
}

Library::Library(std::unique_ptr<Handle> handle, const weft_plugin_v1* entry) noexcept
    : handle_(std::move(handle)), entry_(entry) {}
Library::Library(Library&& other) noexcept = default;

Library::~Library() {
  if constexpr (!unloads) {
    // Never unmapped: callbacks and static destructors of plugin code may outlive any plan.
    static_cast<void>(handle_.release());
  }
}

Result<> Library::try_out(const std::string& path) {
  constexpr int patience_ms = 10'000;
  const pid_t child = fork();
  if (child < 0) {
    return fail(errno, fmt::format("try to load plugin '{}'", path));
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(load(path) ? 0 : 2);  // an error is told by the load that follows in the parent
  }
  const UniqueFd ended{static_cast<int>(syscall(SYS_pidfd_open, child, 0))};
  pollfd event{ended.get(), POLLIN, 0};
  const bool has_ended = poll(&event, 1, patience_ms) == 1;
  if (!has_ended) {
    kill(child, SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (has_ended && WIFEXITED(status) && WEXITSTATUS(status) != 1) {
    return {};
  }
  return fail(Errc::invalid, fmt::format("load plugin '{}': {}", path,
                                         !has_ended ? "its static constructors do not return"
                                         : WIFSIGNALED(status) ? "it crashes while it is loaded"
                                                               : "a static constructor threw"));
}

Result<Library> Library::load(const std::string& path) {
  if (!path.starts_with('/')) {
    return fail(Errc::invalid, fmt::format("load plugin '{}': want an absolute path", path));
  }
  std::string real;
  WEFT_TRY(real, check_plugin_file(path));
  try {
    const LoadScope scope(path);
    // rtld_now: undefined symbols show here, not at the first packet. The throwing overload: only
    // it carries the dynamic linker's words.
    const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
    auto handle = std::make_unique<Handle>(Handle{boost::dll::shared_library(real, mode)});
    if (!handle->library.has(entry_symbol)) {
      return fail(Errc::invalid, fmt::format("load plugin '{}': it does not export '{}'; use "
                                             "WEFT_PLUGIN(Class)",
                                             path, entry_symbol));
    }
    const auto& entry = handle->library.get<const weft_plugin_v1>(entry_symbol);
    Library library(std::move(handle), &entry);
    WEFT_TRY(check_entry(entry, path));
    return library;
  } catch (const std::exception& error) {
    return fail(Errc::invalid, fmt::format("load plugin '{}': {}", path, error.what()));
  }
}

}  // namespace weft::host
