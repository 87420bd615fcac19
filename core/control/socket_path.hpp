#pragma once
/// A listening unix socket at a path, safely: one owner at a time, no stale socket, no stranger's
/// directory.

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

 private:
  void close() noexcept;

  std::string path_;
  int socket_ = -1;
  int lock_ = -1;
};

}  // namespace weft::control
