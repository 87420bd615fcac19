#pragma once
/// The SQLite file behind the store: blocking calls, one thread at a time.

#include <memory>
#include <optional>
#include <span>
#include <string>

#include <weft/result.hpp>
#include <weft/service/store.hpp>

struct sqlite3;
struct sqlite3_stmt;

namespace weft::store {

/// One connection to a table of keys and values. Not thread-safe; every call may wait for the disk.
class Database {
 public:
  /// Errors: as SqliteStore::open.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Result<std::optional<Bytes>> get(const std::string& key);
  /// All entries or none.
  [[nodiscard]] Result<> put(std::span<const StoreEntry> entries);
  [[nodiscard]] Result<> remove(const std::string& key);

 private:
  struct CloseConnection {
    void operator()(sqlite3* connection) const noexcept;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  using Connection = std::unique_ptr<sqlite3, CloseConnection>;
  using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  Database(std::string path, Connection connection);

  [[nodiscard]] Result<> prepare_file();
  [[nodiscard]] Result<> prepare_statements();
  [[nodiscard]] Result<> check_version();
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
};

}  // namespace weft::store
