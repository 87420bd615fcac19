#pragma once
/// The store service in memory, with a disk that can outlive a node and can fail.

#include <map>
#include <memory>
#include <string>

#include <weft/service/store.hpp>

namespace weft::testing {

/// What survives a restart: hand it to the node's next incarnation.
struct MemoryDisk {
  std::map<std::string, Bytes> entries;
  int fail_with = 0;  ///< errno for every call while not 0
};

/// Answers at once. Used on any simulated loop.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::shared_ptr<MemoryDisk> disk) : disk_(std::move(disk)) {}

  void get(std::string key, Reply<std::optional<Bytes>> reply) override;
  void put(std::vector<StoreEntry> entries, Reply<> reply) override;
  void remove(std::string key, Reply<> reply) override;

 private:
  std::shared_ptr<MemoryDisk> disk_;
};

}  // namespace weft::testing
