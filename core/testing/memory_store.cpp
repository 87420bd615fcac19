/// A map that answers as the store does.

#include <weft/testing/memory_store.hpp>

namespace weft::testing {

void MemoryStore::get(std::string key, Reply<std::optional<Bytes>> reply) {
  if (disk_->fail_with != 0) {
    reply(fail(disk_->fail_with, "read '" + key + "' from the store"));
    return;
  }
  const auto found = disk_->entries.find(key);
  reply(found == disk_->entries.end() ? std::optional<Bytes>{} : found->second);
}

void MemoryStore::put(std::vector<StoreEntry> entries, Reply<> reply) {
  if (disk_->fail_with != 0) {
    reply(fail(disk_->fail_with, "write to the store"));
    return;
  }
  for (StoreEntry& entry : entries) {
    disk_->entries[std::move(entry.key)] = std::move(entry.value);
  }
  reply({});
}

void MemoryStore::remove(std::string key, Reply<> reply) {
  if (disk_->fail_with != 0) {
    reply(fail(disk_->fail_with, "remove '" + key + "' from the store"));
    return;
  }
  disk_->entries.erase(key);
  reply({});
}

}  // namespace weft::testing
