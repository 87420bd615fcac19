#pragma once
/// Control commands for a program that attaches containers: "my-plugin.add" and "my-plugin.del".

#include <string>
#include <vector>

#include <weft/plugin.hpp>
#include <weft/service/bridge.hpp>
#include <weft/service/ipam.hpp>

namespace my_plugin {

/// What both commands take.
struct ContainerParameters {
  std::string container;

  void describe(weft::Schema& schema);
  [[nodiscard]] weft::Result<> validate() const;
};

/// The answer to add: {"addresses":["10.32.0.1/12"],"bridge":"weave","mtu":1376}. Pure.
[[nodiscard]] std::string to_json(const std::vector<weft::AllocatedAddress>& allocated,
                                  const weft::BridgeInfo& bridge);

class MyPlugin final : public weft::Plugin {
 public:
  explicit MyPlugin(weft::Host& host) : host_(host) {}

  weft::Result<> start() override;
  void stop() noexcept override;

 private:
  void add(std::string container, weft::Reply<std::string> answer);
  void remove(std::string container, weft::Reply<std::string> answer);

  weft::Host& host_;                // outlives every plugin
  weft::Ipam* ipam_ = nullptr;      // valid until stop() returned
  weft::Bridge* bridge_ = nullptr;  // the same
  std::vector<weft::CommandRegistration> commands_;
};

}  // namespace my_plugin
