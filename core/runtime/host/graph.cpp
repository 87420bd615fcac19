/// Sorts plugins so that whatever one needs is started before it.

#include "runtime/host/graph.hpp"

#include <algorithm>
#include <map>

#include <fmt/core.h>

namespace weft::host {
namespace {

using Interfaces = std::span<const std::string_view>;
using Providers = std::map<std::string_view, std::vector<std::size_t>>;
using Problems = std::vector<std::string>;

template <class List>
bool contains(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != std::ranges::end(list);
}

Providers collect_providers(std::span<const Manifest> plugins, Interfaces built_in,
                            Problems& problems) {
  Providers providers;
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    for (const std::string& interface : plugins[i].provides) {
      std::vector<std::size_t>& known = providers[interface];
      if (contains(built_in, interface)) {
        problems.push_back(fmt::format("plugin '{}' provides {}, which the host itself provides",
                                       plugins[i].name, interface));
      } else if (!known.empty() && !(contains(plugins[i].shares, interface) &&
                                     contains(plugins[known.front()].shares, interface))) {
        problems.push_back(fmt::format("plugins '{}' and '{}' both provide {}; list one of them",
                                       plugins[known.front()].name, plugins[i].name, interface));
      }
      known.push_back(i);
    }
  }
  return providers;
}

void check_required(std::span<const Manifest> plugins, Interfaces built_in,
                    const Providers& providers, Problems& problems) {
  for (const Manifest& plugin : plugins) {
    for (const std::string& interface : plugin.required) {
      if (!contains(built_in, interface) && !providers.contains(interface)) {
        problems.push_back(
            fmt::format("plugin '{}' requires {}, which no listed plugin provides; add one that "
                        "does to host.plugins",
                        plugin.name, interface));
      }
    }
  }
}

/// For each plugin, the plugins that provide one of `interfaces(plugin)`.
class Edges {
 public:
  Edges(std::span<const Manifest> plugins, const Providers& providers,
        std::vector<std::string> Manifest::* interfaces) {
    for (std::size_t i = 0; i < plugins.size(); ++i) {
      std::vector<std::size_t>& to = edges_.emplace_back();
      for (const std::string& interface : plugins[i].*interfaces) {
        const auto found = providers.find(interface);
        if (found != providers.end()) {
          to.insert(to.end(), found->second.begin(), found->second.end());
        }
      }
    }
  }

  [[nodiscard]] const std::vector<std::size_t>& of(std::size_t plugin) const {
    return edges_[plugin];
  }
  [[nodiscard]] bool are_done(std::size_t plugin, const std::vector<bool>& done) const {
    return std::ranges::all_of(of(plugin),
                               [&](std::size_t on) { return done[on] || on == plugin; });
  }

 private:
  std::vector<std::vector<std::size_t>> edges_;
};

/// Follows unmet requirements from a plugin that cannot start until one repeats.
std::string describe_cycle(std::span<const Manifest> plugins, const Edges& required,
                           const std::vector<bool>& done, std::size_t at) {
  std::vector<std::size_t> path;
  while (std::ranges::find(path, at) == path.end()) {
    path.push_back(at);
    at = *std::ranges::find_if(required.of(at), [&](std::size_t on) { return !done[on]; });
  }
  std::string text;
  for (auto step = std::ranges::find(path, at); step != path.end(); ++step) {
    text += plugins[*step].name + " -> ";
  }
  return fmt::format("plugins require each other in a circle: {}{}", text, plugins[at].name);
}

}  // namespace

tl::expected<std::vector<std::size_t>, std::vector<std::string>> start_order(
    std::span<const Manifest> plugins, Interfaces built_in) {
  Problems problems;
  const Providers providers = collect_providers(plugins, built_in, problems);
  check_required(plugins, built_in, providers, problems);
  if (!problems.empty()) {
    return tl::unexpected(std::move(problems));
  }
  const Edges required(plugins, providers, &Manifest::required);
  const Edges wanted(plugins, providers, &Manifest::wants);
  std::vector<bool> done(plugins.size());
  std::vector<std::size_t> order;
  // The first that can start with everything it wants, else the first with all that it requires.
  const auto next = [&](bool with_wanted) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < plugins.size(); ++i) {
      if (!done[i] && required.are_done(i, done) && (!with_wanted || wanted.are_done(i, done))) {
        return i;
      }
    }
    return std::nullopt;
  };
  while (order.size() < plugins.size()) {
    auto chosen = next(true);
    chosen = chosen ? chosen : next(false);
    if (!chosen) {
      const auto stuck = static_cast<std::size_t>(std::ranges::find(done, false) - done.begin());
      return tl::unexpected(Problems{describe_cycle(plugins, required, done, stuck)});
    }
    done[*chosen] = true;
    order.push_back(*chosen);
  }
  return order;
}

}  // namespace weft::host
