/// The store: what was put is there after a restart, in order, and a bad file is refused clearly.

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>

#include <weft/testing/running_loop.hpp>

#include "store/sqlite_store.hpp"

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

}  // namespace
}  // namespace weft
