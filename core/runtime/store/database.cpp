/// Opens, checks, reads and writes the store's SQLite file.

#include "runtime/store/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace weft::store {
namespace {

constexpr int application_id = 0x77656674;  // "weft": tells our file from any other SQLite file
constexpr int schema_version = 1;
constexpr const char* remedy =
    "put back a copy of it, or move it away while other peers run: the node then learns its ranges "
    "from them and its addresses from its pods, and what was set by hand is lost";
constexpr int busy_timeout_ms = 2000;  // an operator may be reading the file

/// Creates the file for its owner alone, as values may be secrets. Whether it was not there.
Result<bool> create_private(const std::string& path) {
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const int fd = made >= 0 ? made : ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return fail(errno, "open store '" + path + "'");
  }
  ::close(fd);
  return made >= 0;
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> identify(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? std::optional(std::pair(info.st_dev, info.st_ino))
                                          : std::nullopt;
}

/// A file that goes away again unless it is finished: the next run would miss what was in it.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  ~Unfinished() {
    if (!path_.empty()) {
      ::unlink(path_.c_str());
    }
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void finish() noexcept { path_.clear(); }

 private:
  std::string path_;
};

/// The disk or its permissions, rather than what is in the file.
bool is_of_the_disk(const Error& error) {
  return error.code.category() == std::generic_category() && error.code.value() != ENOENT;
}

bool has_journal(const std::string& path) {
  struct stat info{};
  return ::stat((path + "-wal").c_str(), &info) == 0 && info.st_size > 0;
}

/// As a URI: what is special in one is escaped.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    constexpr std::string_view special = "%?#";
    uri += special.find(c) == special.npos ? std::string(1, c)
                                           : (c == '%'   ? "%25"
                                              : c == '?' ? "%3f"
                                                         : "%23");
  }
  return uri + "?immutable=1";
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
  auto opened = open_with(path, Access::full);
  if (opened || !is_of_the_disk(opened.error())) {
    return opened;
  }
  for (const Access access : {Access::exclusive, Access::immutable}) {
    if (access == Access::immutable && has_journal(path)) {
      continue;
    }
    if (auto readable = open_with(path, access)) {
      (*readable)->obstacle_ = opened.error();
      return readable;
    }
  }
  return opened;
}

Result<std::unique_ptr<Database>> Database::open_with(const std::string& path, Access access) {
  bool is_made = false;
  if (access == Access::full) {
    WEFT_TRY(is_made, create_private(path));
  }
  Unfinished unfinished(is_made ? path : "");
  const bool is_immutable = access == Access::immutable;
  sqlite3* raw = nullptr;
  const int status =
      sqlite3_open_v2((is_immutable ? immutable_uri(path) : path).c_str(), &raw,
                      SQLITE_OPEN_NOMUTEX | (is_immutable ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
                                                          : SQLITE_OPEN_READWRITE),
                      nullptr);
  auto database = std::unique_ptr<Database>(new Database(path, Connection{raw}));
  if (status != SQLITE_OK) {
    return database->failure("open store '" + path + "'");
  }
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  if (access == Access::exclusive) {
    WEFT_TRY(database->execute("PRAGMA locking_mode=EXCLUSIVE"));
  }
  bool has_tables = false;
  WEFT_TRY(has_tables, database->check_version());
  WEFT_TRY(database->check_pages());
  if (access == Access::full) {
    WEFT_TRY(database->execute("PRAGMA journal_mode=WAL"));
    WEFT_TRY(database->execute("PRAGMA synchronous=FULL"));
    if (!has_tables) {
      database->origin_ = is_made ? StoreOrigin::made : StoreOrigin::emptied;
      WEFT_TRY(database->make_tables());
    }
  }
  WEFT_TRY(database->prepare_statements());
  database->file_ = identify(path).value_or(database->file_);
  unfinished.finish();
  return database;
}

Result<> Database::reopen() {
  return obstacle_ ? open_again() : Result<>();
}

Result<> Database::open_again() {
  select_.reset();
  insert_.reset();
  delete_.reset();
  connection_.reset();  // first: it may hold the file's lock
  auto opened = open(path_);
  if (!opened) {
    obstacle_ = opened.error();
    return tl::unexpected(std::move(opened).error());
  }
  Database& fresh = **opened;
  connection_ = std::move(fresh.connection_);
  select_ = std::move(fresh.select_);
  insert_ = std::move(fresh.insert_);
  delete_ = std::move(fresh.delete_);
  obstacle_ = std::move(fresh.obstacle_);
  file_ = fresh.file_;
  return obstacle_ ? Result<>(tl::unexpected(*obstacle_)) : Result<>();
}

Result<bool> Database::keep_file() {
  if (!connection_ || obstacle_) {
    return false;
  }
  const auto found = identify(path_);
  if (found == file_) {
    return false;
  }
  if (found) {
    return fail(Errc::conflict, "write store '" + path_ +
                                    "': another file was put in its place; restart weftd to use "
                                    "that one, or remove it to keep what this node has");
  }
  WEFT_TRY(make_file_again());
  return true;
}

/// The connection still reads what has no name any more.
Result<> Database::make_file_again() {
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::path(path_).parent_path();
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  ::unlink((path_ + "-wal").c_str());
  ::unlink((path_ + "-shm").c_str());
  WEFT_TRY(create_private(path_));
  Unfinished unfinished(path_);
  Statement copy;
  WEFT_TRY(copy, compile("VACUUM INTO ?1"));
  sqlite3_bind_text64(copy.get(), 1, path_.data(), path_.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (sqlite3_step(copy.get()) != SQLITE_DONE) {
    return failure("make store '" + path_ + "' again");
  }
  copy.reset();
  WEFT_TRY(open_again());
  unfinished.finish();
  return {};
}

Result<> Database::make_tables() {
  WEFT_TRY(execute("BEGIN IMMEDIATE"));
  WEFT_TRY(
      execute("CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) "
              "WITHOUT ROWID"));
  WEFT_TRY(execute(("PRAGMA application_id=" + std::to_string(application_id)).c_str()));
  WEFT_TRY(execute(("PRAGMA user_version=" + std::to_string(schema_version)).c_str()));
  return execute("COMMIT");
}

Result<bool> Database::check_version() {
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
  return tables > 0;
}

Result<> Database::check_pages() {
  Statement check;
  WEFT_TRY(check, compile("PRAGMA quick_check(1)"));
  if (sqlite3_step(check.get()) != SQLITE_ROW) {
    return failure("check store '" + path_ + "'");
  }
  const auto* const verdict = reinterpret_cast<const char*>(sqlite3_column_text(check.get(), 0));
  if (verdict == nullptr || std::string_view(verdict) != "ok") {
    return fail(Errc::malformed, "open store '" + path_ + "': it is damaged (" +
                                     (verdict == nullptr ? "no verdict" : verdict) + "); " +
                                     remedy);
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
  if (!connection_) {
    (void)reopen();  // for reading may do
  }
  if (!select_) {
    return tl::unexpected(*obstacle_);
  }
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
  WEFT_TRY(reopen());
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
  WEFT_TRY(reopen());
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
      return fail(Errc::malformed, attempt + ": it is damaged or not a database; " + remedy);
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
