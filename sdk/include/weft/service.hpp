#pragma once
/// Services: typed requests between plugins. An interface is an abstract class with
/// `static constexpr std::string_view service`; its provider registers it in `start()`.

#include <string_view>
#include <vector>

#include <weft/reply.hpp>
#include <weft/result.hpp>

namespace weft {

template <class S>
concept Service = requires {
  { S::service } -> std::convertible_to<std::string_view>;
};

/// A plugin's view of the services of the node. Owned by the host; use it on the plugin's loop.
/// What it returns stays valid until the plugin's `stop()` returned: providers stop later.
class Services {
 public:
  /// The single provider of a `requires` interface. Errors: Errc::not_found when nobody provides
  /// it; Errc::denied when plugin.toml does not list it.
  template <Service S>
  [[nodiscard]] Result<S*> require() {
    auto found = find_one(S::service);
    if (!found) {
      return tl::unexpected(std::move(found).error());
    }
    return static_cast<S*>(*found);
  }

  /// The provider of a `wants` interface, or null.
  template <Service S>
  [[nodiscard]] S* optional() {
    auto found = find_one(S::service);
    return found ? static_cast<S*>(*found) : nullptr;
  }

  /// Every provider of an interface that may have several, in start order.
  template <Service S>
  [[nodiscard]] std::vector<S*> all() {
    std::vector<S*> providers;
    for (void* const provider : find_all(S::service)) {
      providers.push_back(static_cast<S*>(provider));
    }
    return providers;
  }

  /// Offers `provider` under its interface, as plugin.toml declares in `provides`. It is withdrawn
  /// when the plugin stops. Errors: Errc::conflict, Errc::denied when not declared.
  template <Service S>
  [[nodiscard]] Result<> provide(S& provider) {
    return register_provider(S::service, &provider);
  }

 protected:
  ~Services() = default;

 private:
  [[nodiscard]] virtual Result<void*> find_one(std::string_view service) = 0;
  [[nodiscard]] virtual std::vector<void*> find_all(std::string_view service) = 0;
  [[nodiscard]] virtual Result<> register_provider(std::string_view service, void* provider) = 0;
};

}  // namespace weft
