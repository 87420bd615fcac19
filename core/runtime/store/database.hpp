#pragma once
/// The SQLite file behind the store: blocking calls, one thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <weft/result.hpp>
#include <weft/service/store.hpp>

struct sqlite3;
struct sqlite3_stmt;

namespace weft::store {

/// What was there when the store was opened.
enum class StoreOrigin {
  found,   ///< a store of an earlier run
  made,    ///< no file
  emptied  ///< a file without any entry of ours: an earlier run was cut off, or somebody emptied it
};

/// One connection to a table of keys and values. Not thread-safe; every call may wait for the disk.
class Database {
 public:
  /// Errors: as SqliteStore::open.
  /// Reads alone need no space: a store that cannot be written is opened for reading, and tried
  /// again at each write.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Result<std::optional<Bytes>> get(const std::string& key);
  /// All entries or none.
  [[nodiscard]] Result<> put(std::span<const StoreEntry> entries);
  [[nodiscard]] Result<> remove(const std::string& key);

  /// Makes the file again, with all that was in it, when somebody removed it. Whether that was so.
  /// Errors: Errc::conflict when another file is in its place; the errno of making it.
  [[nodiscard]] Result<bool> keep_file();

  [[nodiscard]] StoreOrigin origin() const noexcept { return origin_; }
  /// Why it cannot be written.
  [[nodiscard]] const std::optional<Error>& obstacle() const noexcept { return obstacle_; }

 private:
  /// How to use the file.
  enum class Access {
    full,
    exclusive,  ///< the index of the journal in memory: no file has to grow for reading
    immutable   ///< nothing is locked or written; wrong while there is a journal
  };
  struct CloseConnection {
    void operator()(sqlite3* connection) const noexcept;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  using Connection = std::unique_ptr<sqlite3, CloseConnection>;
  using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  Database(std::string path, Connection connection);

  [[nodiscard]] static Result<std::unique_ptr<Database>> open_with(const std::string& path,
                                                                   Access access);
  /// Tries again to open for writing what was opened for reading.
  [[nodiscard]] Result<> reopen();
  [[nodiscard]] Result<> open_again();
  [[nodiscard]] Result<> make_file_again();
  [[nodiscard]] Result<> make_tables();
  [[nodiscard]] Result<> prepare_statements();
  /// Whether it has our tables.
  [[nodiscard]] Result<bool> check_version();
  [[nodiscard]] Result<> check_pages();
  [[nodiscard]] Result<> execute(const char* sql);
  [[nodiscard]] Result<Statement> compile(const char* sql);
  [[nodiscard]] Result<> insert(const StoreEntry& entry);
  /// The connection's last error, in terms of what an operator can do about it.
  [[nodiscard]] tl::unexpected<Error> failure(const std::string& attempt) const;

  std::string path_;
  Connection connection_;
  Statement select_;
  Statement insert_;
  Statement delete_;
  std::pair<std::uint64_t, std::uint64_t> file_;  ///< device and inode
  StoreOrigin origin_ = StoreOrigin::found;
  std::optional<Error> obstacle_;
};

}  // namespace weft::store
