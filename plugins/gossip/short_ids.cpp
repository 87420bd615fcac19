/// The table of short ids and their owners.

#include "gossip/short_ids.hpp"

namespace weft::gossip {

bool ShortIds::insert(ShortId id, PeerName name) {
  Slot& slot = slots_[id];
  const bool is_new_meaning = slot.was_used && (slot.owners.empty() || name < *slot.owners.begin());
  slot.owners.insert(name);
  slot.was_used = true;
  return is_new_meaning;
}

bool ShortIds::erase(ShortId id, PeerName name) {
  Slot& slot = slots_[id];
  const bool was_principal = !slot.owners.empty() && *slot.owners.begin() == name;
  slot.owners.erase(name);
  return was_principal && !slot.owners.empty();
}

std::optional<PeerName> ShortIds::principal(ShortId id) const {
  const Slot& slot = slots_[id];
  return slot.owners.empty() ? std::nullopt : std::optional(*slot.owners.begin());
}

std::vector<ShortId> ShortIds::free_ids() const {
  std::vector<ShortId> free;
  for (ShortId id = 0; id < short_id_count; ++id) {
    if (slots_[id].owners.empty()) {
      free.push_back(id);
    }
  }
  return free;
}

}  // namespace weft::gossip
