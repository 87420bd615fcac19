/// Finding, offering and withdrawing services, as far as the manifest allows.

#include "runtime/service/registry.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace weft {
namespace {

bool lists(const std::vector<std::string>& services, std::string_view service) noexcept {
  return std::find(services.begin(), services.end(), service) != services.end();
}

}  // namespace

/// One `follow`. Used on the follower's loop, but for `tell`.
class ServiceFollower : public std::enable_shared_from_this<ServiceFollower> {
 public:
  using Handler = UniqueFunction<void(void*, ServiceHold)>;

  ServiceFollower(ServiceRegistry& registry, std::string plugin, std::string service, Loop& loop,
                  Handler on_change)
      : registry_(registry),
        plugin_(std::move(plugin)),
        service_(std::move(service)),
        loop_(loop),
        on_change_(std::move(on_change)) {}

  [[nodiscard]] const std::string& plugin() const noexcept { return plugin_; }
  [[nodiscard]] const std::string& service() const noexcept { return service_; }

  /// Any thread.
  void tell(const ServiceHold& hold) {
    loop_.post([self = shared_from_this(), hold]() mutable { self->call(std::move(hold)); });
  }

  /// Asks anew who provides, so that whoever is told late is told the newest.
  void call(ServiceHold hold) {
    if (is_closed_) {
      return;
    }
    const auto providers = registry_.find(service_);
    is_running_ = true;
    on_change_(providers.empty() ? nullptr : providers.front().object, std::move(hold));
    is_running_ = false;
    if (is_closed_) {
      on_change_ = {};
    }
  }

  void close() noexcept {
    is_closed_ = true;
    registry_.remove_follower(*this);
    if (!is_running_) {
      on_change_ = {};
    }
  }

 private:
  ServiceRegistry& registry_;
  const std::string plugin_;
  const std::string service_;
  Loop& loop_;
  Handler on_change_;
  bool is_closed_ = false;
  bool is_running_ = false;
};

namespace {

class FollowingNode final : public Following::Node {
 public:
  explicit FollowingNode(std::shared_ptr<ServiceFollower> follower)
      : follower_(std::move(follower)) {}
  ~FollowingNode() override { follower_->close(); }

 private:
  std::shared_ptr<ServiceFollower> follower_;
};

}  // namespace

ServicesView::ServicesView(ServiceRegistry& registry, std::string plugin, Loop& loop,
                           std::optional<ServiceUse> use)
    : registry_(registry), plugin_(std::move(plugin)), loop_(loop), use_(std::move(use)) {}

ServicesView::~ServicesView() {
  withdraw();
}

void ServicesView::withdraw() noexcept {
  registry_.remove_providers(*this);
}

bool ServicesView::is_pinned(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  return pinned_.contains(service);
}

void ServicesView::pin(std::string_view service) {
  const std::lock_guard lock(mutex_);
  pinned_.emplace(service);
}

Result<> ServicesView::check_use(std::string_view service) const {
  if (!use_ || lists(use_->required, service) || lists(use_->wanted, service)) {
    return {};
  }
  return fail(Errc::denied, fmt::format("find service {} for plugin '{}': its manifest lists it "
                                        "neither in requires nor in wants",
                                        service, plugin_));
}

Result<void*> ServicesView::find_one(std::string_view service) {
  WEFT_TRY(check_use(service));
  pin(service);
  const auto found = registry_.find(service);
  if (found.empty()) {
    return fail(Errc::not_found,
                fmt::format("find a provider of service {} for plugin '{}'", service, plugin_));
  }
  return found.front().object;
}

std::vector<void*> ServicesView::find_all(std::string_view service) {
  std::vector<void*> objects;
  if (check_use(service)) {
    pin(service);
    for (const auto& provider : registry_.find(service)) {
      objects.push_back(provider.object);
    }
  }
  return objects;
}

Result<Following> ServicesView::follow_erased(std::string_view service, ChangeHandler on_change) {
  WEFT_TRY(check_use(service));
  auto follower = std::make_shared<ServiceFollower>(registry_, plugin_, std::string(service), loop_,
                                                    std::move(on_change));
  registry_.add_follower(follower);
  Following following{std::make_unique<FollowingNode>(follower)};
  follower->call({});
  return following;
}

Result<> ServicesView::register_provider(std::string_view service, void* provider) {
  if (use_ && !lists(use_->provided, service)) {
    return fail(Errc::denied, fmt::format("provide service {} from plugin '{}': its manifest does "
                                          "not list it in provides",
                                          service, plugin_));
  }
  has_provided_ = true;
  const bool is_shared = !use_ || lists(use_->shared, service);
  return registry_.add(service, {plugin_, provider, this, is_shared});
}

std::unique_ptr<ServicesView> ServiceRegistry::view(std::string plugin, Loop& loop,
                                                    std::optional<ServiceUse> use) {
  return std::make_unique<ServicesView>(*this, std::move(plugin), loop, std::move(use));
}

void ServiceRegistry::tell_followers(const std::vector<std::string>& services,
                                     const ServiceHold& hold) {
  std::vector<std::shared_ptr<ServiceFollower>> followers;
  {
    const std::lock_guard lock(mutex_);
    followers = followers_;
  }
  for (const auto& follower : followers) {
    if (lists(services, follower->service())) {
      follower->tell(hold);
    }
  }
}

std::set<std::string> ServiceRegistry::followers(const std::set<std::string>& services) const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> plugins;
  for (const auto& follower : followers_) {
    if (services.contains(follower->service())) {
      plugins.insert(follower->plugin());
    }
  }
  return plugins;
}

void ServiceRegistry::add_follower(const std::shared_ptr<ServiceFollower>& follower) {
  const std::lock_guard lock(mutex_);
  followers_.push_back(follower);
}

void ServiceRegistry::remove_follower(const ServiceFollower& follower) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(followers_, [&](const auto& other) { return other.get() == &follower; });
}

std::map<std::string, std::vector<std::string>> ServiceRegistry::providers() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::vector<std::string>> result;
  for (const auto& [service, providers] : providers_) {
    for (const Provider& provider : providers) {
      result[service].push_back(provider.plugin);
    }
  }
  return result;
}

std::vector<ServiceRegistry::Provider> ServiceRegistry::find(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  const auto found = providers_.find(service);
  return found == providers_.end() ? std::vector<Provider>{} : found->second;
}

Result<> ServiceRegistry::add(std::string_view service, Provider provider) {
  const std::lock_guard lock(mutex_);
  std::vector<Provider>& providers = providers_[std::string(service)];
  if (!providers.empty() && !(provider.is_shared && providers.front().is_shared)) {
    return fail(Errc::conflict, fmt::format("provide service {} from plugin '{}': plugin '{}' "
                                            "provides it already",
                                            service, provider.plugin, providers.front().plugin));
  }
  providers.push_back(std::move(provider));
  return {};
}

void ServiceRegistry::remove_providers(const ServicesView& owner) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [service, providers] : providers_) {
    std::erase_if(providers, [&](const Provider& provider) { return provider.owner == &owner; });
  }
}

}  // namespace weft
