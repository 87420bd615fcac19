#pragma once
/// Small state that survives a restart.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/reply.hpp>

namespace weft {

struct StoreEntry {
  std::string key;  ///< "<plugin>/<what>"
  Bytes value;
};

/// Control: any plugin loop. Calls of one plugin take effect in order.
class Store {
 public:
  static constexpr std::string_view service = "weft.store/1";

  virtual void get(std::string key, Reply<std::optional<Bytes>> reply) = 0;
  /// All entries or none, on disk when the reply comes.
  virtual void put(std::vector<StoreEntry> entries, Reply<> reply) = 0;
  virtual void remove(std::string key, Reply<> reply) = 0;

 protected:
  ~Store() = default;
};

}  // namespace weft
