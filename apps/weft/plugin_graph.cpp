/// Shows in which order plugins start, and why.

#include <algorithm>
#include <span>
#include <vector>

#include "ask.hpp"
#include "commands.hpp"
#include "console/json.hpp"
#include "console/page.hpp"
#include "console/print.hpp"
#include "fabric/built_in.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/host/check.hpp"
#include "runtime/host/graph.hpp"
#include "runtime/host/loader.hpp"
#include "runtime/host/manifest.hpp"

namespace weft::cli {

using namespace console;

namespace {

using host::Manifest;
using Manifests = std::vector<Manifest>;
using Complaints = std::vector<std::string>;

/// Of interfaces that come with the program.
std::vector<std::string_view> built_in() {
  return host::interfaces_of({fabric::built_in()});
}

tl::expected<std::vector<std::string>, Complaints> listed_files(const std::string& config) {
  const auto node = config::load_node_config(config);
  if (!node) {
    return tl::unexpected(host::to_complaints(node.error()));
  }
  std::vector<std::string> files;
  Complaints complaints;
  for (const std::string& name : node->host.plugins) {
    if (auto file = host::find_plugin_file(name, node->host.plugin_path)) {
      files.push_back(*std::move(file));
    } else {
      complaints.push_back(file.error().message());
    }
  }
  return complaints.empty() ? tl::expected<std::vector<std::string>, Complaints>(std::move(files))
                            : tl::unexpected(std::move(complaints));
}

/// The manifests of `files` in start order.
tl::expected<Manifests, Complaints> ordered(const std::vector<std::string>& files) {
  Manifests manifests;
  Complaints complaints;
  for (const std::string& file : files) {
    if (auto manifest = host::read_manifest_file(file)) {
      manifests.push_back(*std::move(manifest));
    } else {
      complaints.push_back(manifest.error().message());
    }
  }
  if (!complaints.empty()) {
    return tl::unexpected(std::move(complaints));
  }
  const auto order = host::start_order(manifests, built_in());
  if (!order) {
    return tl::unexpected(order.error());
  }
  Manifests sorted;
  for (const std::size_t index : *order) {
    sorted.push_back(manifests[index]);
  }
  return sorted;
}

/// The plugins that provide `interface`, or "host"; none when nobody does.
std::vector<std::string> providers_of(const std::string& interface, const Manifests& plugins) {
  const auto known = built_in();
  if (std::ranges::find(known, interface) != known.end()) {
    return {"host"};
  }
  std::vector<std::string> names;
  for (const Manifest& plugin : plugins) {
    if (std::ranges::find(plugin.provides, interface) != plugin.provides.end()) {
      names.push_back(plugin.name);
    }
  }
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

void write_needs(Page& page, std::string_view verb, const std::vector<std::string>& interfaces,
                 const Manifests& plugins) {
  for (const std::string& interface : interfaces) {
    const auto providers = providers_of(interface, plugins);
    page.line("   {:<8} {} from {}", verb, interface,
              providers.empty() ? "nobody" : joined(providers));
  }
}

std::string graph_text(const Manifests& plugins) {
  Page page;
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    page.line("{}. {} {}", i + 1, plugins[i].name, plugins[i].version);
    for (const std::string& interface : plugins[i].provides) {
      page.line("   provides {}", interface);
    }
    write_needs(page, "requires", plugins[i].required, plugins);
    write_needs(page, "wants", plugins[i].wants, plugins);
  }
  return page.take();
}

Json needs_json(const std::vector<std::string>& interfaces, const Manifests& plugins) {
  Json list = Json::array();
  for (const std::string& interface : interfaces) {
    list.push_back({{"interface", interface}, {"providers", providers_of(interface, plugins)}});
  }
  return list;
}

std::string graph_json(const Manifests& plugins) {
  Json list = Json::array();
  for (const Manifest& plugin : plugins) {
    list.push_back({{"name", plugin.name},
                    {"version", plugin.version},
                    {"provides", plugin.provides},
                    {"requires", needs_json(plugin.required, plugins)},
                    {"wants", needs_json(plugin.wants, plugins)}});
  }
  return json_text(list, 4) + "\n";
}

void write_edges(Page& page, const Manifest& plugin, const std::vector<std::string>& interfaces,
                 std::string_view style, const Manifests& plugins) {
  for (const std::string& interface : interfaces) {
    for (const std::string& provider : providers_of(interface, plugins)) {
      page.line("  \"{}\" -> \"{}\" [label=\"{}\"{}];", plugin.name, provider, interface, style);
    }
  }
}

std::string graph_dot(const Manifests& plugins) {
  Page page;
  page.line("digraph weft {{");
  page.line("  \"host\" [shape=box];");
  for (const Manifest& plugin : plugins) {
    page.line("  \"{}\";", plugin.name);
    write_edges(page, plugin, plugin.required, "", plugins);
    write_edges(page, plugin, plugin.wants, ", style=dashed", plugins);
  }
  page.line("}}");
  return page.take();
}

}  // namespace

int plugin_graph(const std::vector<std::string>& files, const std::string& config,
                 GraphFormat format) {
  const auto chosen = files.empty() ? listed_files(config) : files;
  const auto plugins = chosen ? ordered(*chosen) : tl::unexpected(chosen.error());
  if (!plugins) {
    for (const std::string& complaint : plugins.error()) {
      std::fprintf(stderr, "weft: %s\n", complaint.c_str());
    }
    return exit_error;
  }
  switch (format) {
    case GraphFormat::json:
      return print(graph_json(*plugins));
    case GraphFormat::dot:
      return print(graph_dot(*plugins));
    case GraphFormat::text:
      break;
  }
  return print(graph_text(*plugins));
}

}  // namespace weft::cli
