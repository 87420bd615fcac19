#pragma once
/// One value of the store that follows what is in memory.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/function.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/reply.hpp>
#include <weft/service/store.hpp>

namespace weft::cni {

/// Reads the value once, then writes it whenever it changed: one save at a time, what changes
/// meanwhile goes with the next. On the owner's loop, which is drained before this is destroyed.
class StoredValue {
 public:
  using Loaded = UniqueFunction<void(std::optional<Bytes>)>;
  using Encode = std::function<Bytes()>;

  StoredValue(Loop& loop, Log& log, std::string key)
      : loop_(loop), log_(log), key_(std::move(key)) {}

  /// Calls `loaded` once with what the store has, however long that takes; `encode` says what is to
  /// be stored, from then on. `store` outlives this object.
  void start(Store& store, Loaded loaded, Encode encode);
  void stop() noexcept;

  [[nodiscard]] bool is_loaded() const noexcept { return is_loaded_; }

  void changed();
  /// Answers when everything that changed so far is on disk. Errors: the store's.
  void settle(Reply<> reply);

 private:
  void load();
  void arrived(Result<std::optional<Bytes>> value);
  void save();

  Loop& loop_;
  Log& log_;
  const std::string key_;
  Store* store_ = nullptr;  // null: not started, or stopped
  Loaded loaded_;
  Encode encode_;
  bool is_loaded_ = false;
  bool is_saving_ = false;
  bool is_changed_ = false;
  std::vector<Reply<>> unsaved_;  // answered by the next save
  Timer load_timer_;
};

}  // namespace weft::cni
