#pragma once
/// The node's lanes as one plugin sees them: what it put there can be taken back all at once.

#include <memory>
#include <set>

#include <weft/lane.hpp>

namespace weft::host {

/// Owned by the plugin's host; `remove_all` on the main thread while the plugin is not running
/// handlers that add tasks, the rest on the plugin's loop.
class PluginLanes final : public Lanes {
 public:
  explicit PluginLanes(Lanes& lanes);
  ~PluginLanes();
  PluginLanes(const PluginLanes&) = delete;
  PluginLanes& operator=(const PluginLanes&) = delete;

  [[nodiscard]] unsigned count() const noexcept override;
  [[nodiscard]] LaneRegistration add(unsigned lane, LaneTask& task,
                                     std::vector<int> wake_fds) override;
  void synchronize() noexcept override;
  void retire(std::shared_ptr<const void> object) noexcept override;

  /// No lane calls a task of this plugin again, whatever the plugin itself still holds.
  void remove_all() noexcept;

 private:
  class Slots;
  class Handle;

  Lanes& lanes_;
  std::shared_ptr<Slots> slots_;
};

}  // namespace weft::host
