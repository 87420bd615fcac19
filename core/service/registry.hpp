#pragma once
/// Who provides which service interface on this node.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/export.hpp>
#include <weft/service.hpp>

namespace weft {

/// The interfaces that several plugins may provide at once; of all others there is one provider.
[[nodiscard]] WEFT_EXPORT bool may_have_several_providers(std::string_view service) noexcept;

/// What a plugin's manifest says about services; enforced.
struct ServiceUse {
  std::vector<std::string> required{};
  std::vector<std::string> wanted{};
  std::vector<std::string> provided{};
};

class ServiceRegistry;

/// One plugin's view. Owned by the host; used on the plugin's loop.
class WEFT_EXPORT ServicesView final : public Services {
 public:
  /// Without `use` nothing is refused: the host itself, and tests.
  ServicesView(ServiceRegistry& registry, std::string plugin, std::optional<ServiceUse> use);
  /// Withdraws what is left.
  ~ServicesView();
  ServicesView(const ServicesView&) = delete;
  ServicesView& operator=(const ServicesView&) = delete;

  /// The plugin stopped: nobody finds its providers any more. Any thread.
  void withdraw() noexcept;

 private:
  [[nodiscard]] Result<void*> find_one(std::string_view service) override;
  [[nodiscard]] std::vector<void*> find_all(std::string_view service) override;
  [[nodiscard]] Result<> register_provider(std::string_view service, void* provider) override;
  [[nodiscard]] bool may_use(std::string_view service) const noexcept;

  ServiceRegistry& registry_;
  const std::string plugin_;
  const std::optional<ServiceUse> use_;
};

/// One per node, owned by the host; outlives every view. Any thread.
class WEFT_EXPORT ServiceRegistry {
 public:
  /// A provider and the plugin it belongs to.
  struct Provider {
    std::string plugin;
    void* object = nullptr;
  };

  /// The services as `plugin` sees them. Built-in providers come from a view of the host's own.
  [[nodiscard]] std::unique_ptr<ServicesView> view(std::string plugin,
                                                   std::optional<ServiceUse> use);

  /// Every service with its providers in the order they came.
  [[nodiscard]] std::map<std::string, std::vector<std::string>> providers() const;

 private:
  friend class ServicesView;
  [[nodiscard]] std::vector<Provider> find(std::string_view service) const;
  [[nodiscard]] Result<> add(std::string_view service, Provider provider);
  void remove_plugin(const std::string& plugin) noexcept;

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Provider>, std::less<>> providers_;
};

}  // namespace weft
