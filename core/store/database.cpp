/// Opens, checks, reads and writes the store's SQLite file.

#include "store/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>

namespace weft::store {
namespace {

constexpr int application_id = 0x77656674;  // "weft": tells our file from any other SQLite file
constexpr int schema_version = 1;
constexpr int busy_timeout_ms = 2000;  // an operator may be reading the file

/// Creates the file for its owner alone, as values may be secrets.
Result<> create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(errno, "open store '" + path + "'");
  }
  ::close(fd);
  return {};
}

}  // namespace

void Database::CloseConnection::operator()(sqlite3* connection) const noexcept {
  sqlite3_close_v2(connection);
}

void Database::FinalizeStatement::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Database::Database(std::string path, Connection connection)
    : path_(std::move(path)), connection_(std::move(connection)) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  WEFT_TRY(create_private(path));
  sqlite3* raw = nullptr;
  const int status =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto database = std::unique_ptr<Database>(new Database(path, Connection{raw}));
  if (status != SQLITE_OK) {
    return database->failure("open store '" + path + "'");
  }
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  WEFT_TRY(database->prepare_file());
  WEFT_TRY(database->prepare_statements());
  return database;
}

Result<> Database::prepare_file() {
  WEFT_TRY(check_version());
  WEFT_TRY(execute("PRAGMA journal_mode=WAL"));
  WEFT_TRY(execute("PRAGMA synchronous=FULL"));
  WEFT_TRY(execute("BEGIN IMMEDIATE"));
  WEFT_TRY(
      execute("CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) "
              "WITHOUT ROWID"));
  WEFT_TRY(execute(("PRAGMA application_id=" + std::to_string(application_id)).c_str()));
  WEFT_TRY(execute(("PRAGMA user_version=" + std::to_string(schema_version)).c_str()));
  return execute("COMMIT");
}

Result<> Database::check_version() {
  const auto number = [this](const char* pragma) -> Result<int> {
    Statement statement;
    WEFT_TRY(statement, compile(pragma));
    if (sqlite3_step(statement.get()) != SQLITE_ROW) {
      return failure("read store '" + path_ + "'");
    }
    return sqlite3_column_int(statement.get(), 0);
  };
  int id = 0;
  WEFT_TRY(id, number("PRAGMA application_id"));
  int version = 0;
  WEFT_TRY(version, number("PRAGMA user_version"));
  int tables = 0;
  WEFT_TRY(tables, number("SELECT count(*) FROM sqlite_master"));
  if (tables > 0 && id != application_id) {
    return fail(Errc::malformed, "open store '" + path_ + "': it is another program's database");
  }
  if (version > schema_version) {
    return fail(Errc::unsupported, "open store '" + path_ + "': a newer weft wrote it (format " +
                                       std::to_string(version) + ", this one reads " +
                                       std::to_string(schema_version) + ")");
  }
  Statement check;
  WEFT_TRY(check, compile("PRAGMA quick_check(1)"));
  if (sqlite3_step(check.get()) != SQLITE_ROW) {
    return failure("check store '" + path_ + "'");
  }
  const auto* const verdict = reinterpret_cast<const char*>(sqlite3_column_text(check.get(), 0));
  if (verdict == nullptr || std::string_view(verdict) != "ok") {
    return fail(Errc::malformed, "open store '" + path_ + "': it is damaged (" +
                                     (verdict == nullptr ? "no verdict" : verdict) +
                                     "); move it away to start without saved state");
  }
  return {};
}

Result<> Database::prepare_statements() {
  WEFT_TRY(select_, compile("SELECT value FROM entries WHERE key=?1"));
  WEFT_TRY(insert_, compile("INSERT INTO entries (key, value) VALUES (?1, ?2) "
                            "ON CONFLICT (key) DO UPDATE SET value=excluded.value"));
  WEFT_TRY(delete_, compile("DELETE FROM entries WHERE key=?1"));
  return {};
}

Result<> Database::execute(const char* sql) {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure("write store '" + path_ + "'");
  }
  return {};
}

Result<Database::Statement> Database::compile(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(connection_.get(), sql, -1, &raw, nullptr) != SQLITE_OK) {
    return failure("read store '" + path_ + "'");
  }
  return Statement{raw};
}

Result<std::optional<Bytes>> Database::get(const std::string& key) {
  sqlite3_stmt* const statement = select_.get();
  sqlite3_bind_text64(statement, 1, key.data(), key.size(), SQLITE_STATIC, SQLITE_UTF8);
  const int status = sqlite3_step(statement);
  Result<std::optional<Bytes>> answer = std::nullopt;
  if (status == SQLITE_ROW) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, 0));
    const auto* const data = static_cast<const std::byte*>(sqlite3_column_blob(statement, 0));
    answer = size == 0 ? Bytes{} : Bytes(data, data + size);
  } else if (status != SQLITE_DONE) {
    answer = failure("read '" + key + "' from store '" + path_ + "'");
  }
  sqlite3_reset(statement);
  return answer;
}

Result<> Database::put(std::span<const StoreEntry> entries) {
  WEFT_TRY(execute("BEGIN IMMEDIATE"));
  Result<> outcome;
  for (const StoreEntry& entry : entries) {
    outcome = insert(entry);
    if (!outcome) {
      break;
    }
  }
  if (outcome) {
    outcome = execute("COMMIT");
  }
  if (!outcome && sqlite3_get_autocommit(connection_.get()) == 0) {
    sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return outcome;
}

Result<> Database::insert(const StoreEntry& entry) {
  sqlite3_stmt* const statement = insert_.get();
  sqlite3_bind_text64(statement, 1, entry.key.data(), entry.key.size(), SQLITE_STATIC, SQLITE_UTF8);
  // A null pointer would bind NULL, also for an empty value.
  const void* const data = entry.value.empty() ? static_cast<const void*>("") : entry.value.data();
  int status = sqlite3_bind_blob64(statement, 2, data, entry.value.size(), SQLITE_STATIC);
  if (status == SQLITE_OK) {
    status = sqlite3_step(statement);
  }
  Result<> outcome;
  if (status != SQLITE_DONE) {
    outcome = failure("write '" + entry.key + "' to store '" + path_ + "'");
  }
  sqlite3_reset(statement);
  return outcome;
}

Result<> Database::remove(const std::string& key) {
  sqlite3_stmt* const statement = delete_.get();
  sqlite3_bind_text64(statement, 1, key.data(), key.size(), SQLITE_STATIC, SQLITE_UTF8);
  Result<> outcome;
  if (sqlite3_step(statement) != SQLITE_DONE) {
    outcome = failure("remove '" + key + "' from store '" + path_ + "'");
  }
  sqlite3_reset(statement);
  return outcome;
}

tl::unexpected<Error> Database::failure(const std::string& attempt) const {
  sqlite3* const connection = connection_.get();
  if (connection == nullptr) {
    return fail(ENOMEM, attempt);
  }
  switch (sqlite3_errcode(connection)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(Errc::conflict, attempt + ": another process holds it");
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return fail(Errc::malformed, attempt +
                                       ": it is damaged or not a database; move it away to "
                                       "start without saved state");
    case SQLITE_FULL:
      return fail(ENOSPC, attempt);
    case SQLITE_READONLY:
      return fail(EROFS, attempt);
    case SQLITE_TOOBIG:
      return fail(EFBIG, attempt);
    default:
      const int system = sqlite3_system_errno(connection);
      return fail(system != 0 ? system : EIO, attempt + ": " + sqlite3_errmsg(connection));
  }
}

}  // namespace weft::store
