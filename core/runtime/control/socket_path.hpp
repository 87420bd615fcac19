#pragma once
/// A listening unix socket at a path, safely: one owner at a time, no stale socket, no stranger's
/// directory.

#include <sys/types.h>

#include <optional>
#include <string>

#include <weft/result.hpp>

namespace weft::control {

/// A bound and listening socket. Closes it and removes its path when destroyed.
class ListeningSocket {
 public:
  /// Mode 0660. A lock file beside the socket ("PATH.lock") shows whether its owner lives, so a
  /// socket left by a crash is replaced and a live one never is.
  ///
  /// Errors: Errc::conflict, another process serves this path, or something else is there;
  /// Errc::denied, the parent directory is not root's or ours, or everyone may write to it;
  /// ENAMETOOLONG; the errno of open, socket, bind or listen.
  [[nodiscard]] static Result<ListeningSocket> open(std::string path);

  ListeningSocket() = default;
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  /// Gives up the descriptor, for whoever accepts on it; the path stays ours.
  [[nodiscard]] int release_descriptor() noexcept;
  /// Whether the path still leads to this socket, and its lock file to our lock.
  [[nodiscard]] bool is_in_place() const noexcept;
  /// Makes a new socket at the path, after others removed it; the old one's connections stay.
  /// Errors: as of open; Errc::conflict when another weftd has taken the path over.
  [[nodiscard]] Result<> remake();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  /// Which file a path led to.
  struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileId&) const = default;
  };

  [[nodiscard]] static std::optional<FileId> file_at(const std::string& path) noexcept;
  [[nodiscard]] Result<> lock();
  [[nodiscard]] Result<> bind();
  void close() noexcept;

  std::string path_;
  std::optional<FileId> file_;  // of the socket, once it is bound
  int socket_ = -1;
  int lock_ = -1;
};

}  // namespace weft::control
