/// The store: what was put is there after a restart, in order, and a bad file is refused clearly.

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <weft/testing/running_loop.hpp>

#include "runtime/store/sqlite_store.hpp"

namespace weft {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-store-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ / "weft.db";
  }
  ~StoreTest() override { std::filesystem::remove_all(directory_); }

  /// Calls the store from another loop, as a plugin does, and waits for the answer.
  template <class T, class F>
  Result<T> ask(F call) {
    std::promise<Result<T>> promise;
    auto answer = promise.get_future();
    call(Reply<T>(caller_, [&promise](Result<T> got) { promise.set_value(std::move(got)); }));
    return answer.get();
  }
  Result<> put(SqliteStore& store, std::vector<StoreEntry> entries) {
    return ask<void>([&](Reply<> reply) { store.put(std::move(entries), std::move(reply)); });
  }
  Result<std::optional<Bytes>> get(SqliteStore& store, std::string key) {
    return ask<std::optional<Bytes>>(
        [&](Reply<std::optional<Bytes>> reply) { store.get(std::move(key), std::move(reply)); });
  }

  /// The work that answered last may still hold the file for a moment.
  void await_closed() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (std::filesystem::exists(path_.string() + "-wal") &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  }

  static Bytes bytes(std::string_view text) {
    const ByteView view = as_bytes(text);
    return {view.begin(), view.end()};
  }

  std::filesystem::path directory_;
  std::filesystem::path path_;
  testing::RunningLoop caller_;
  testing::RunningLoop loop_;
};

TEST_F(StoreTest, KeepsEntriesAcrossARestart) {
  {
    SqliteStore store(path_, loop_);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(put(store, {{"ipam/ring", bytes("ring")}, {"ipam/empty", {}}}));
    ASSERT_TRUE(put(store, {{"ipam/ring", bytes("newer")}}));
  }

  SqliteStore store(path_, loop_);
  ASSERT_TRUE(store.open());

  EXPECT_EQ(*get(store, "ipam/ring"), bytes("newer"));
  EXPECT_EQ(*get(store, "ipam/empty"), Bytes{});
  EXPECT_EQ(*get(store, "ipam/absent"), std::nullopt);
}

TEST_F(StoreTest, TellsAStoreFromNoneAndFromAnEmptyFile) {
  const auto origin = [this] {
    SqliteStore store(path_, loop_);
    EXPECT_TRUE(store.open());
    return store.origin();
  };
  EXPECT_EQ(origin(), store::StoreOrigin::made);
  EXPECT_EQ(origin(), store::StoreOrigin::found);
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(origin(), store::StoreOrigin::emptied);
  EXPECT_EQ(origin(), store::StoreOrigin::found);
}

/// No file can grow while this lives.
class FullDisk {
 public:
  FullDisk() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_ = SIG_DFL;
};

TEST_F(StoreTest, IsReadOnAFullDiskAndWrittenOnceThereIsSpace) {
  {
    SqliteStore store(path_, loop_);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(put(store, {{"ipam/ring", bytes("ring")}}));
  }
  await_closed();
  SqliteStore store(path_, loop_);
  {
    const FullDisk full;
    ASSERT_TRUE(store.open()) << "to read takes no space";
    ASSERT_TRUE(store.obstacle());
    EXPECT_EQ(*get(store, "ipam/ring"), bytes("ring"));
    EXPECT_FALSE(put(store, {{"ipam/ring", bytes("newer")}}));
    EXPECT_FALSE(put(store, {{"ipam/ring", bytes("newer")}})) << "and not worse the second time";
    EXPECT_EQ(*get(store, "ipam/ring"), bytes("ring"));
  }

  EXPECT_TRUE(put(store, {{"ipam/ring", bytes("newest")}}));
  EXPECT_FALSE(store.obstacle());
  EXPECT_EQ(*get(store, "ipam/ring"), bytes("newest"));
}

TEST_F(StoreTest, IsReadOnAFullDiskAlsoAfterACrash) {
  const auto copy = directory_ / "copy.db";
  {
    SqliteStore store(path_, loop_);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(put(store, {{"ipam/ring", bytes("ring")}}));
    // What a crash leaves, on a machine that restarted: the journal, without its index.
    std::filesystem::copy_file(path_, copy);
    std::filesystem::copy_file(path_.string() + "-wal", copy.string() + "-wal");
  }
  ASSERT_GT(std::filesystem::file_size(copy.string() + "-wal"), 0u);
  const FullDisk full;
  SqliteStore store(copy, loop_);

  ASSERT_TRUE(store.open());
  EXPECT_EQ(*get(store, "ipam/ring"), bytes("ring"));
}

TEST_F(StoreTest, AFullDiskLeavesNoEmptyStoreBehind) {
  const FullDisk full;
  SqliteStore store(path_, loop_);

  EXPECT_FALSE(store.open());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(StoreTest, SaysWhenAWriteFails) {
  SqliteStore store(path_, loop_);
  ASSERT_TRUE(store.open());
  EXPECT_FALSE(store.obstacle());
  {
    const FullDisk full;
    EXPECT_FALSE(put(store, {{"k", Bytes(100'000)}}));
    EXPECT_TRUE(store.obstacle());
  }
  EXPECT_TRUE(put(store, {{"k", bytes("v")}}));
  EXPECT_FALSE(store.obstacle());
}

TEST_F(StoreTest, RunsTheCallsOfOneCallerInOrder) {
  SqliteStore store(path_, loop_);
  ASSERT_TRUE(store.open());

  for (int round = 0; round < 20; ++round) {
    store.put({{"k", bytes(std::to_string(round))}}, Reply<>(caller_, [](Result<>) {}));
  }
  store.remove("gone", Reply<>(caller_, [](Result<>) {}));

  EXPECT_EQ(*get(store, "k"), bytes("19"));
}

TEST_F(StoreTest, IsReadableByItsOwnerOnly) {
  SqliteStore store(path_, loop_);
  ASSERT_TRUE(store.open());

  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(StoreTest, RefusesAFileThatIsNotADatabase) {
  std::ofstream(path_) << std::string(4096, 'x');

  SqliteStore store(path_, loop_);
  const auto opened = store.open();

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, make_error_code(Errc::malformed));
  EXPECT_NE(opened.error().message().find("move it away"), std::string::npos);
}

TEST_F(StoreTest, RefusesAnotherProgramsDatabase) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  sqlite3_exec(other, "CREATE TABLE t (x)", nullptr, nullptr, nullptr);
  sqlite3_close(other);

  SqliteStore store(path_, loop_);
  const auto opened = store.open();

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, make_error_code(Errc::malformed));
}

TEST_F(StoreTest, SaysThatAnotherProcessHoldsALockedFile) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr);

  SqliteStore store(path_, loop_);
  const auto opened = store.open();
  sqlite3_close(other);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, make_error_code(Errc::conflict));
}

TEST_F(StoreTest, NamesAMissingDirectory) {
  SqliteStore store(directory_ / "absent" / "weft.db", loop_);
  const auto opened = store.open();

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, std::errc::no_such_file_or_directory);
}

TEST_F(StoreTest, AnswersWhatStillWaitsWhenItGoes) {
  auto store = std::make_unique<SqliteStore>(path_, loop_);
  ASSERT_TRUE(store->open());
  std::promise<Result<>> promise;
  auto answer = promise.get_future();

  loop_.run([&] {
    store->put({{"k", bytes("v")}},
               Reply<>(caller_, [&promise](Result<> got) { promise.set_value(std::move(got)); }));
    store.reset();
    return 0;
  });

  EXPECT_EQ(answer.get().error().code, make_error_code(Errc::abandoned));
}

/// What happens to a store that is in use.
class TendedStoreTest : public StoreTest {
 protected:
  TendedStoreTest() : store(path_, loop_) {
    EXPECT_TRUE(store.open());
    EXPECT_TRUE(put(store, {{"ring", bytes("ours")}}));
  }
  /// Until what was asked of the store before is done.
  void settle() { ASSERT_TRUE(get(store, "ring")); }
  std::optional<Bytes> after_restart(const std::string& key) {
    SqliteStore next(path_, loop_);
    EXPECT_TRUE(next.open());
    return *get(next, key);
  }

  SqliteStore store;
};

TEST_F(TendedStoreTest, IsMadeAgainWithAllThatWasInItWhenItsDirectoryIsRemoved) {
  std::filesystem::remove_all(directory_);
  store.tend();
  settle();

  EXPECT_EQ(store.times_made_again(), 1U);
  EXPECT_EQ(std::filesystem::status(path_).permissions() & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  ASSERT_TRUE(put(store, {{"lease", bytes("later")}}));
  EXPECT_EQ(after_restart("ring"), bytes("ours"));
  EXPECT_EQ(after_restart("lease"), bytes("later"));
}

TEST_F(TendedStoreTest, IsMadeAgainBeforeTheNextWrite) {
  std::filesystem::remove(path_);

  ASSERT_TRUE(put(store, {{"lease", bytes("later")}}));

  EXPECT_EQ(after_restart("ring"), bytes("ours"));
  EXPECT_EQ(after_restart("lease"), bytes("later"));
}

TEST_F(TendedStoreTest, DoesNotTouchAFileThatSomebodyPutInItsPlace) {
  std::filesystem::remove(path_);
  std::ofstream(path_) << "a copy";
  store.tend();
  settle();

  ASSERT_TRUE(store.obstacle());
  EXPECT_EQ(store.obstacle()->code, Errc::conflict);
  EXPECT_EQ(put(store, {{"lease", bytes("later")}}).error().code, Errc::conflict);
  EXPECT_EQ(*get(store, "ring"), bytes("ours"));
  EXPECT_EQ(std::filesystem::file_size(path_), 6U);

  std::filesystem::remove(path_);
  EXPECT_TRUE(put(store, {{"lease", bytes("later")}}));
  EXPECT_EQ(store.obstacle(), std::nullopt);
  EXPECT_EQ(after_restart("lease"), bytes("later"));
}

}  // namespace
}  // namespace weft
