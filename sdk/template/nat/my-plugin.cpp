/// Has a command of the site masquerade the pods' networks.

#include "my-plugin.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace my_plugin {

std::vector<std::string> arguments(const std::string& command, bool is_add,
                                   const weft::net::Cidr& network) {
  return {command, is_add ? "add" : "delete", weft::net::to_string(network)};
}

weft::Result<> run(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  pid_t child = 0;
  if (const int error = posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ)) {
    return weft::fail(error, fmt::format("run '{}'", arguments.front()));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return weft::fail(errno, fmt::format("wait for '{}'", arguments.front()));
    }
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return weft::fail(weft::Errc::denied,
                      fmt::format("run '{} {} {}': it ended with status {}", arguments[0],
                                  arguments[1], arguments[2], status));
  }
  return {};
}

void MyPlugin::describe(weft::Schema& schema) {
  schema.field("command", command_,
               "Program that is run as 'COMMAND add|delete NETWORK'; must succeed when repeated.");
}

weft::Result<> MyPlugin::validate() {
  if (!command_.starts_with('/')) {
    return weft::fail(weft::Errc::invalid,
                      fmt::format("use command = \"{}\": want an absolute path", command_));
  }
  return {};
}

weft::Result<> MyPlugin::start() {
  return host_.services().provide<weft::Nat>(*this);
}

void MyPlugin::stop() noexcept {}

void MyPlugin::masquerade(weft::net::Cidr network, weft::Reply<> reply) {
  change(true, network, std::move(reply));
}

void MyPlugin::stop_masquerade(weft::net::Cidr network, weft::Reply<> reply) {
  change(false, network, std::move(reply));
}

void MyPlugin::change(bool is_add, weft::net::Cidr network, weft::Reply<> reply) {
  host_.loop().post([this, is_add, network, reply = std::move(reply)]() mutable {
    const auto result = std::make_shared<weft::Result<>>();
    host_.loop().blocking(
        [result, call = arguments(command_, is_add, network)] { *result = run(call); },
        [this, is_add, network, result, reply = std::move(reply)]() mutable {
          if (*result && is_add) {
            networks_.insert(network);
          } else if (*result) {
            networks_.erase(network);
          }
          reply(std::move(*result));
        });
  });
}

}  // namespace my_plugin
