#pragma once
/// Provides weft.nat/1 by running a command of the site's choice for each network.

#include <set>
#include <string>

#include <weft/plugin.hpp>
#include <weft/service/nat.hpp>

namespace my_plugin {

/// "COMMAND add|delete NETWORK", as arguments for posix_spawn. Pure.
[[nodiscard]] std::vector<std::string> arguments(const std::string& command, bool is_add,
                                                 const weft::net::Cidr& network);

/// Runs a program and waits for it: on a thread that may block, never on a loop.
/// Errors: the errno of starting it; Errc::denied with the exit status when it failed.
[[nodiscard]] weft::Result<> run(const std::vector<std::string>& arguments);

class MyPlugin final : public weft::Plugin, public weft::Nat {
 public:
  explicit MyPlugin(weft::Host& host) : host_(host) {}

  void describe(weft::Schema& schema) override;
  weft::Result<> validate() override;
  weft::Result<> start() override;
  void stop() noexcept override;

  void masquerade(weft::net::Cidr network, weft::Reply<> reply) override;
  void stop_masquerade(weft::net::Cidr network, weft::Reply<> reply) override;

 private:
  void change(bool is_add, weft::net::Cidr network, weft::Reply<> reply);

  weft::Host& host_;  // outlives every plugin
  std::string command_ = "/bin/true";
  std::set<weft::net::Cidr> networks_;  // in force; on the plugin's loop
};

}  // namespace my_plugin
