/// Keeps a plugin's lane registrations where both the plugin and the host can end them.

#include "runtime/host/plugin_lanes.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace weft::host {

/// The registrations themselves; a plugin holds only handles to them.
class PluginLanes::Slots {
 public:
  std::uint64_t insert(LaneRegistration registration) {
    const std::lock_guard lock(mutex_);
    registrations_.emplace(++last_, std::move(registration));
    return last_;
  }

  void erase(std::uint64_t slot) noexcept {
    LaneRegistration ended;  // waits for the lane: not under the lock
    const std::lock_guard lock(mutex_);
    if (const auto found = registrations_.find(slot); found != registrations_.end()) {
      ended = std::move(found->second);
      registrations_.erase(found);
    }
  }

  void clear() noexcept {
    std::map<std::uint64_t, LaneRegistration> ended;
    const std::lock_guard lock(mutex_);
    ended.swap(registrations_);
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, LaneRegistration> registrations_;
  std::uint64_t last_ = 0;
};

class PluginLanes::Handle final : public LaneRegistration::Node {
 public:
  Handle(std::shared_ptr<Slots> slots, std::uint64_t slot)
      : slots_(std::move(slots)), slot_(slot) {}
  ~Handle() override { slots_->erase(slot_); }

 private:
  std::shared_ptr<Slots> slots_;
  std::uint64_t slot_;
};

PluginLanes::PluginLanes(Lanes& lanes) : lanes_(lanes), slots_(std::make_shared<Slots>()) {}
PluginLanes::~PluginLanes() = default;

unsigned PluginLanes::count() const noexcept {
  return lanes_.count();
}

LaneRegistration PluginLanes::add(unsigned lane, LaneTask& task, std::vector<int> wake_fds) {
  const std::uint64_t slot = slots_->insert(lanes_.add(lane, task, std::move(wake_fds)));
  return LaneRegistration(std::make_unique<Handle>(slots_, slot));
}

void PluginLanes::synchronize() noexcept {
  lanes_.synchronize();
}

void PluginLanes::retire(std::shared_ptr<const void> object) noexcept {
  lanes_.retire(std::move(object));
}

void PluginLanes::remove_all() noexcept {
  slots_->clear();
}

}  // namespace weft::host
