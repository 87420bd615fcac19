#pragma once
/// weft.store/1 over one SQLite file: a few small values that must survive a crash.

#include <memory>
#include <optional>
#include <string>

#include <weft/export.hpp>
#include <weft/loop.hpp>
#include <weft/result.hpp>
#include <weft/service/store.hpp>

#include "runtime/store/database.hpp"

namespace weft {

/// Every call is one transaction, made on the loop's blocking thread in the order of the calls and
/// synced to disk (WAL, synchronous=FULL) before its reply. One connection; the file stays readable
/// with the `sqlite3` command while the node runs.
///
/// Owned by the host. `open` once, on any thread, before the first call; the service calls may come
/// from any plugin loop. Calls still waiting when it is destroyed answer Errc::abandoned.
class WEFT_EXPORT SqliteStore final : public Store {
 public:
  /// `path` is created with mode 0600 if missing; its directory must exist. `loop` outlives this.
  SqliteStore(std::string path, Loop& loop);
  ~SqliteStore();
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  /// Blocks for disk I/O. Errors: Errc::conflict, another process holds the file; Errc::malformed,
  /// not a store or damaged; Errc::unsupported, written by a newer weft; the errno of open.
  /// A store that can be read but not written opens, and is written once that is possible again.
  [[nodiscard]] Result<> open();
  /// What was there when it was opened.
  [[nodiscard]] store::StoreOrigin origin() const noexcept;
  /// Why the last write failed, or what would make one fail. Any thread.
  [[nodiscard]] std::optional<Error> obstacle() const;
  /// Makes the file again, with all that was in it, if somebody removed it, and looks how much
  /// space its disk has left. Any thread; does not wait for it.
  void tend();
  /// Bytes that are left for the file, as of the last look; very many before. Any thread.
  [[nodiscard]] std::uint64_t space_left() const;
  /// How often that happened. Any thread.
  [[nodiscard]] std::uint64_t times_made_again() const;

  void get(std::string key, Reply<std::optional<Bytes>> reply) override;
  void put(std::vector<StoreEntry> entries, Reply<> reply) override;
  void remove(std::string key, Reply<> reply) override;

 private:
  class Health;
  class Queue;
  std::shared_ptr<Queue> queue_;
};

}  // namespace weft
