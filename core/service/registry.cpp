/// Finding, offering and withdrawing services, as far as the manifest allows.

#include "service/registry.hpp"

#include <algorithm>

#include <fmt/core.h>

#include <weft/service/overlay.hpp>

namespace weft {
namespace {

bool lists(const std::vector<std::string>& services, std::string_view service) noexcept {
  return std::find(services.begin(), services.end(), service) != services.end();
}

}  // namespace

bool may_have_several_providers(std::string_view service) noexcept {
  return service == Overlay::service;
}

ServicesView::ServicesView(ServiceRegistry& registry, std::string plugin,
                           std::optional<ServiceUse> use)
    : registry_(registry), plugin_(std::move(plugin)), use_(std::move(use)) {}

ServicesView::~ServicesView() {
  withdraw();
}

void ServicesView::withdraw() noexcept {
  registry_.remove_plugin(plugin_);
}

bool ServicesView::may_use(std::string_view service) const noexcept {
  return !use_ || lists(use_->required, service) || lists(use_->wanted, service);
}

Result<void*> ServicesView::find_one(std::string_view service) {
  if (!may_use(service)) {
    return fail(Errc::denied, fmt::format("find service {} for plugin '{}': its manifest lists it "
                                          "neither in requires nor in wants",
                                          service, plugin_));
  }
  const auto found = registry_.find(service);
  if (found.empty()) {
    return fail(Errc::not_found,
                fmt::format("find a provider of service {} for plugin '{}'", service, plugin_));
  }
  return found.front().object;
}

std::vector<void*> ServicesView::find_all(std::string_view service) {
  std::vector<void*> objects;
  if (may_use(service)) {
    for (const auto& provider : registry_.find(service)) {
      objects.push_back(provider.object);
    }
  }
  return objects;
}

Result<> ServicesView::register_provider(std::string_view service, void* provider) {
  if (use_ && !lists(use_->provided, service)) {
    return fail(Errc::denied, fmt::format("provide service {} from plugin '{}': its manifest does "
                                          "not list it in provides",
                                          service, plugin_));
  }
  return registry_.add(service, {plugin_, provider});
}

std::unique_ptr<ServicesView> ServiceRegistry::view(std::string plugin,
                                                    std::optional<ServiceUse> use) {
  return std::make_unique<ServicesView>(*this, std::move(plugin), std::move(use));
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
  if (!providers.empty() && !may_have_several_providers(service)) {
    return fail(Errc::conflict, fmt::format("provide service {} from plugin '{}': plugin '{}' "
                                            "provides it already",
                                            service, provider.plugin, providers.front().plugin));
  }
  providers.push_back(std::move(provider));
  return {};
}

void ServiceRegistry::remove_plugin(const std::string& plugin) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [service, providers] : providers_) {
    std::erase_if(providers, [&](const Provider& provider) { return provider.plugin == plugin; });
  }
}

}  // namespace weft
