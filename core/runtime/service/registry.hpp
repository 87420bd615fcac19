#pragma once
/// Who provides which service interface on this node.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <weft/export.hpp>
#include <weft/loop.hpp>
#include <weft/service.hpp>

namespace weft {

/// What a plugin's manifest says about services; enforced.
struct ServiceUse {
  std::vector<std::string> required{};
  std::vector<std::string> wanted{};
  std::vector<std::string> provided{};
  std::vector<std::string> shared{};  ///< those of `provided` that others may provide besides
};

class ServiceRegistry;
class ServiceFollower;

/// One plugin's view. Owned by the host; used on the plugin's loop.
class WEFT_EXPORT ServicesView final : public Services {
 public:
  /// Without `use` nothing is refused: the host itself, and tests. `loop` is the plugin's own.
  ServicesView(ServiceRegistry& registry, std::string plugin, Loop& loop,
               std::optional<ServiceUse> use);
  /// Withdraws what is left.
  ~ServicesView();
  ServicesView(const ServicesView&) = delete;
  ServicesView& operator=(const ServicesView&) = delete;

  /// The plugin stopped: nobody finds its providers any more. Any thread.
  void withdraw() noexcept;
  /// Whether the plugin asked for `service` other than by following it: it may hold on to what it
  /// found. Any thread.
  [[nodiscard]] bool is_pinned(std::string_view service) const;
  /// Whether the plugin provided anything, be it withdrawn since. Any thread.
  [[nodiscard]] bool has_provided() const noexcept { return has_provided_; }

 private:
  [[nodiscard]] Result<void*> find_one(std::string_view service) override;
  [[nodiscard]] std::vector<void*> find_all(std::string_view service) override;
  [[nodiscard]] Result<Following> follow_erased(std::string_view service,
                                                ChangeHandler on_change) override;
  [[nodiscard]] Result<> register_provider(std::string_view service, void* provider) override;
  /// Errors: Errc::denied.
  [[nodiscard]] Result<> check_use(std::string_view service) const;
  void pin(std::string_view service);

  ServiceRegistry& registry_;
  const std::string plugin_;
  Loop& loop_;
  const std::optional<ServiceUse> use_;
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> pinned_;
  std::atomic<bool> has_provided_ = false;
};

/// One per node, owned by the host; outlives every view. Any thread.
class WEFT_EXPORT ServiceRegistry {
 public:
  /// A provider and whose it is.
  struct Provider {
    std::string plugin;
    void* object = nullptr;
    const ServicesView* owner = nullptr;  ///< a plugin may have a successor of the same name
    bool is_shared = false;               ///< others may provide the same service besides
  };

  /// The services as `plugin` sees them. Built-in providers come from a view of the host's own.
  [[nodiscard]] std::unique_ptr<ServicesView> view(std::string plugin, Loop& loop,
                                                   std::optional<ServiceUse> use);

  /// Tells everyone who follows one of `services` who provides it now. Copies of `hold` live until
  /// the last of them has been told and let go of what it had before.
  void tell_followers(const std::vector<std::string>& services, const ServiceHold& hold = {});
  /// The plugins that follow one of `services`.
  [[nodiscard]] std::set<std::string> followers(const std::set<std::string>& services) const;

  /// Every service with its providers in the order they came.
  [[nodiscard]] std::map<std::string, std::vector<std::string>> providers() const;

 private:
  friend class ServicesView;
  friend class ServiceFollower;
  [[nodiscard]] std::vector<Provider> find(std::string_view service) const;
  [[nodiscard]] Result<> add(std::string_view service, Provider provider);
  void remove_providers(const ServicesView& owner) noexcept;
  void add_follower(const std::shared_ptr<ServiceFollower>& follower);
  void remove_follower(const ServiceFollower& follower) noexcept;

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Provider>, std::less<>> providers_;
  std::vector<std::shared_ptr<ServiceFollower>> followers_;
};

}  // namespace weft
