/// Queues store calls and runs them in order where blocking is allowed.

#include "runtime/store/sqlite_store.hpp"

#include <sys/statvfs.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace weft {

/// Why the store cannot be written. Any thread.
class SqliteStore::Health {
 public:
  void note(std::optional<Error> obstacle) {
    const std::lock_guard lock(mutex_);
    obstacle_ = std::move(obstacle);
  }
  Result<> keep_file(store::Database& database) {
    bool is_new = false;
    WEFT_TRY(is_new, database.keep_file());
    if (is_new) {
      note(database.obstacle());
      const std::lock_guard lock(mutex_);
      ++times_made_again_;
    }
    return {};
  }
  [[nodiscard]] std::uint64_t times_made_again() const {
    const std::lock_guard lock(mutex_);
    return times_made_again_;
  }
  /// False: somebody looks after the file already.
  [[nodiscard]] bool begin_tending() { return !is_tending_.exchange(true); }
  void end_tending() { is_tending_ = false; }
  [[nodiscard]] std::optional<Error> obstacle() const {
    const std::lock_guard lock(mutex_);
    return obstacle_;
  }
  void note_space(const std::string& path) {
    struct statvfs disk{};
    const bool is_known = ::statvfs(path.c_str(), &disk) == 0;
    space_left_ = is_known ? std::uint64_t{disk.f_bavail} * disk.f_frsize
                           : std::numeric_limits<std::uint64_t>::max();
  }
  [[nodiscard]] std::uint64_t space_left() const noexcept { return space_left_; }

 private:
  std::atomic<std::uint64_t> space_left_ = std::numeric_limits<std::uint64_t>::max();
  mutable std::mutex mutex_;
  std::optional<Error> obstacle_;
  std::uint64_t times_made_again_ = 0;
  std::atomic<bool> is_tending_ = false;
};

/// What waits, and the connection. Shared with the work in flight, which may outlive the store.
/// Used on the store's loop; the database belongs to the running batch while there is one.
class SqliteStore::Queue final : public std::enable_shared_from_this<Queue> {
 public:
  using Operation = UniqueFunction<void(store::Database&)>;

  Queue(std::string path, Loop& loop) : path_(std::move(path)), loop_(loop) {}

  Result<> open() {
    auto opened = store::Database::open(path_);
    if (!opened) {
      return tl::unexpected(std::move(opened).error());
    }
    database_ = std::move(*opened);
    health_->note(database_->obstacle());
    origin_ = database_->origin();
    return {};
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] store::StoreOrigin origin() const noexcept { return origin_; }
  [[nodiscard]] std::shared_ptr<Health> health() const noexcept { return health_; }

  /// Any thread: posting keeps the order of one caller's calls.
  void submit(Operation operation) {
    loop_.post([weak = weak_from_this(), operation = std::move(operation)]() mutable {
      if (const auto queue = weak.lock()) {
        queue->waiting_.push_back(std::move(operation));
        queue->run_next();
      }
    });
  }

 private:
  void run_next() {
    if (is_running_ || waiting_.empty()) {
      return;
    }
    is_running_ = true;
    loop_.blocking(
        [database = database_, batch = std::exchange(waiting_, {})]() mutable {
          for (Operation& operation : batch) {
            operation(*database);
          }
        },
        [weak = weak_from_this()] {
          if (const auto queue = weak.lock()) {
            queue->is_running_ = false;
            queue->run_next();
          }
        });
  }

  const std::string path_;
  Loop& loop_;
  std::shared_ptr<store::Database> database_;
  std::vector<Operation> waiting_;
  bool is_running_ = false;
  store::StoreOrigin origin_ = store::StoreOrigin::found;
  const std::shared_ptr<Health> health_ = std::make_shared<Health>();
};

SqliteStore::SqliteStore(std::string path, Loop& loop)
    : queue_(std::make_shared<Queue>(std::move(path), loop)) {}

SqliteStore::~SqliteStore() = default;

Result<> SqliteStore::open() {
  return queue_->open();
}

store::StoreOrigin SqliteStore::origin() const noexcept {
  return queue_->origin();
}

std::optional<Error> SqliteStore::obstacle() const {
  return queue_->health()->obstacle();
}

std::uint64_t SqliteStore::space_left() const {
  return queue_->health()->space_left();
}

std::uint64_t SqliteStore::times_made_again() const {
  return queue_->health()->times_made_again();
}

void SqliteStore::tend() {
  if (!queue_->health()->begin_tending()) {
    return;
  }
  queue_->submit([health = queue_->health(), path = queue_->path()](store::Database& database) {
    health->note_space(path);
    if (const auto kept = health->keep_file(database); !kept) {
      health->note(kept.error());
    }
    health->end_tending();
  });
}

void SqliteStore::get(std::string key, Reply<std::optional<Bytes>> reply) {
  queue_->submit([key = std::move(key), reply = std::move(reply)](
                     store::Database& database) mutable { reply(database.get(key)); });
}

void SqliteStore::put(std::vector<StoreEntry> entries, Reply<> reply) {
  queue_->submit([health = queue_->health(), entries = std::move(entries),
                  reply = std::move(reply)](store::Database& database) mutable {
    const Result<> kept = health->keep_file(database);
    const Result<> written = kept ? database.put(entries) : kept;
    health->note(written ? std::nullopt : std::optional(written.error()));
    reply(written);
  });
}

void SqliteStore::remove(std::string key, Reply<> reply) {
  queue_->submit([health = queue_->health(), key = std::move(key),
                  reply = std::move(reply)](store::Database& database) mutable {
    const Result<> kept = health->keep_file(database);
    reply(kept ? database.remove(key) : kept);
  });
}

}  // namespace weft
