#pragma once
/// Services: typed requests between plugins. An interface is an abstract class with
/// `static constexpr std::string_view service`; its provider registers it in `start()`.

#include <concepts>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/function.hpp>
#include <weft/reply.hpp>
#include <weft/result.hpp>

namespace weft {

template <class S>
concept Service = requires {
  { S::service } -> std::convertible_to<std::string_view>;
};

/// Keeps a provider that is about to stop running until the last copy is gone; see
/// Services::follow. At most for the host's stop deadline, 5 s. Empty when no provider leaves.
using ServiceHold = std::shared_ptr<void>;

/// Ends `Services::follow` when destroyed: on the plugin's loop, no call comes afterwards. Declare
/// it last in a class.
class [[nodiscard]] Following {
 public:
  struct Node {
    virtual ~Node() = default;
  };
  Following() = default;
  explicit Following(std::unique_ptr<Node> node) : node_(std::move(node)) {}

 private:
  std::unique_ptr<Node> node_;
};

/// A plugin's view of the services of the node. Owned by the host; use it on the plugin's loop.
///
/// What `require`, `optional` and `all` return stays valid until the plugin's `stop()` returned:
/// providers stop later, and when `weft reload` replaces a provider, whoever took it in one of
/// these ways is restarted with it. A plugin that can change providers in mid-flight uses `follow`
/// instead and goes on running.
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

  /// Calls `on_change` with the provider, or null, and again whenever it changes: the first time
  /// inside this call, later on the plugin's loop. Before a provider stops it is called with null
  /// (or another provider, where there may be several); once that call returned, or the last copy
  /// of the ServiceHold that it may take as a second argument is gone, the old provider is no
  /// longer used and stops.
  ///
  ///   WEFT_TRY(nat_, services.follow<Nat>([this](Nat* nat) { use(nat); }));
  ///
  /// Errors: Errc::denied when plugin.toml lists the interface neither in requires nor in wants.
  template <Service S, class Handler>
    requires std::invocable<Handler&, S*> || std::invocable<Handler&, S*, ServiceHold>
  [[nodiscard]] Result<Following> follow(Handler on_change) {
    return follow_erased(
        S::service, [on_change = std::move(on_change)](void* provider, ServiceHold hold) mutable {
          if constexpr (std::invocable<Handler&, S*, ServiceHold>) {
            on_change(static_cast<S*>(provider), std::move(hold));
          } else {
            on_change(static_cast<S*>(provider));
          }
        });
  }

  /// Offers `provider` under its interface, as plugin.toml declares in `provides`. It is withdrawn
  /// when the plugin stops. Errors: Errc::conflict, Errc::denied when not declared.
  template <Service S>
  [[nodiscard]] Result<> provide(S& provider) {
    return register_provider(S::service, &provider);
  }

 protected:
  using ChangeHandler = UniqueFunction<void(void* provider, ServiceHold hold)>;

  ~Services() = default;

 private:
  [[nodiscard]] virtual Result<void*> find_one(std::string_view service) = 0;
  [[nodiscard]] virtual std::vector<void*> find_all(std::string_view service) = 0;
  [[nodiscard]] virtual Result<Following> follow_erased(std::string_view service,
                                                        ChangeHandler on_change) = 0;
  [[nodiscard]] virtual Result<> register_provider(std::string_view service, void* provider) = 0;
};

}  // namespace weft
