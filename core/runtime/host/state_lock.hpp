#pragma once
/// One node for one state directory.

#include <string>
#include <utility>

#include <weft/export.hpp>
#include <weft/result.hpp>
#include <weft/unique_fd.hpp>

namespace weft::host {

/// Two nodes that save their addresses in one place give out the same ones. Held until it is
/// destroyed, or until the process ends in any way. One thread at a time.
class WEFT_EXPORT StateLock {
 public:
  /// Makes `directory` if it is missing. Waits a second for a process that is ending. Errors:
  /// Errc::conflict, naming the process that holds it; the errno of making or locking it, which is
  /// EBADF, ENOLCK or EOPNOTSUPP where the file system has no such locks.
  [[nodiscard]] static Result<StateLock> take(std::string directory);

  /// Takes the lock of what stands in the place of a directory that somebody removed, if nobody
  /// else has it.
  void keep();

 private:
  StateLock(std::string directory, UniqueFd held)
      : directory_(std::move(directory)), held_(std::move(held)) {}

  std::string directory_;
  UniqueFd held_;
};

}  // namespace weft::host
