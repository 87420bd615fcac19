/// Start order from interfaces, and what is said when there is none.

#include "runtime/host/graph.hpp"

#include <array>

#include <gtest/gtest.h>

namespace weft::host {
namespace {

using Words = std::vector<std::string>;

constexpr std::array<std::string_view, 2> built_in{"weft.store/1", "weft.dataplane/1"};

Manifest plugin(std::string name, Words provides, Words required = {}, Words wants = {}) {
  Manifest manifest;
  manifest.name = std::move(name);
  manifest.provides = std::move(provides);
  manifest.required = std::move(required);
  manifest.wants = std::move(wants);
  return manifest;
}

/// One that shares all it provides.
Manifest sharer(std::string name, Words shares) {
  Manifest manifest = plugin(std::move(name), shares);
  manifest.shares = std::move(shares);
  return manifest;
}

/// The names in start order, or the problems.
std::string order(const std::vector<Manifest>& plugins) {
  const auto sorted = start_order(plugins, built_in);
  std::string text;
  if (sorted) {
    for (const std::size_t index : *sorted) {
      text += plugins[index].name + " ";
    }
  } else {
    for (const std::string& problem : sorted.error()) {
      text += problem + "\n";
    }
  }
  return text;
}

TEST(StartOrder, PutsProvidersFirstAndKeepsTheOperatorsOrderOtherwise) {
  EXPECT_EQ(order({plugin("cni", {"weft.cni/1"}, {"weft.ipam/2"}),
                   plugin("ipam", {"weft.ipam/2"}, {"weft.mesh/1", "weft.store/1"}),
                   plugin("hello", {}), plugin("gossip", {"weft.mesh/1"}, {}, {"weft.overlay/1"}),
                   sharer("sleeve", {"weft.overlay/1"}), sharer("odp", {"weft.overlay/1"})}),
            "hello sleeve odp gossip ipam cni ");
}

TEST(StartOrder, DropsAWishThatWouldMakeACycle) {
  EXPECT_EQ(
      order({plugin("a", {"weft.a/1"}, {}, {"weft.b/1"}), plugin("b", {"weft.b/1"}, {"weft.a/1"})}),
      "a b ");
}

TEST(StartOrder, WishesForNothingAreIgnored) {
  EXPECT_EQ(order({plugin("a", {}, {}, {"weft.absent/1"})}), "a ");
}

TEST(StartOrder, PrintsTheCycle) {
  EXPECT_EQ(
      order({plugin("x", {}, {"weft.a/1"}), plugin("a", {"weft.a/1"}, {"weft.b/1"}),
             plugin("b", {"weft.b/1"}, {"weft.c/1"}), plugin("c", {"weft.c/1"}, {"weft.a/1"})}),
      "plugins require each other in a circle: a -> b -> c -> a\n");
}

TEST(StartOrder, NamesBothProvidersOfASingleInterface) {
  EXPECT_EQ(order({plugin("ipam", {"weft.ipam/2"}), plugin("other", {"weft.ipam/2"})}),
            "plugins 'ipam' and 'other' both provide weft.ipam/2; list one of them\n");
}

TEST(StartOrder, AnInterfaceIsSharedByThoseAloneWhoSaySo) {
  EXPECT_EQ(order({sharer("sleeve", {"weft.overlay/1"}), plugin("mine", {"weft.overlay/1"})}),
            "plugins 'sleeve' and 'mine' both provide weft.overlay/1; list one of them\n");
}

TEST(StartOrder, NamesWhoNeedsAMissingInterface) {
  EXPECT_EQ(order({plugin("cni", {}, {"weft.ipam/2"})}),
            "plugin 'cni' requires weft.ipam/2, which no listed plugin provides; add one that "
            "does to host.plugins\n");
}

TEST(StartOrder, ReservesTheHostsOwnInterfaces) {
  EXPECT_EQ(order({plugin("mine", {"weft.store/1"})}),
            "plugin 'mine' provides weft.store/1, which the host itself provides\n");
}

}  // namespace
}  // namespace weft::host
