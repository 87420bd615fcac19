/// Asks ipam for an address and the bridge for what a container needs besides.

#include "my-plugin.hpp"

#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace my_plugin {

void ContainerParameters::describe(weft::Schema& schema) {
  schema.required("container", container, "The container's ID.");
}

weft::Result<> ContainerParameters::validate() const {
  return container.empty() ? weft::fail(weft::Errc::invalid, "use an empty 'container'")
                           : weft::Result<>();
}

std::string to_json(const std::vector<weft::AllocatedAddress>& allocated,
                    const weft::BridgeInfo& bridge) {
  auto addresses = nlohmann::ordered_json::array();
  for (const weft::AllocatedAddress& each : allocated) {
    addresses.push_back(weft::net::to_string(each.address));
  }
  const nlohmann::ordered_json answer{
      {"addresses", std::move(addresses)}, {"bridge", bridge.name}, {"mtu", bridge.mtu}};
  return answer.dump();
}

weft::Result<> MyPlugin::start() {
  WEFT_TRY(ipam_, host_.services().require<weft::Ipam>());
  WEFT_TRY(bridge_, host_.services().require<weft::Bridge>());
  weft::CommandRegistration command;
  WEFT_TRY(command, host_.control().serve<ContainerParameters>(
                        {"my-plugin.add",
                         "Gives a container an address.",
                         "object",
                         {{"address", "With the prefix length of its network."},
                          {"bridge", "The bridge to attach it to."},
                          {"mtu", "Of its interface."}}},
                        [this](ContainerParameters given, auto answer) {
                          add(std::move(given.container), std::move(answer));
                        }));
  commands_.push_back(std::move(command));
  WEFT_TRY(command, host_.control().serve<ContainerParameters>(
                        {"my-plugin.del", "Takes a container's addresses back."},
                        [this](ContainerParameters given, auto answer) {
                          remove(std::move(given.container), std::move(answer));
                        }));
  commands_.push_back(std::move(command));
  return {};
}

void MyPlugin::stop() noexcept {
  commands_.clear();
}

void MyPlugin::add(std::string container, weft::Reply<std::string> answer) {
  // Each step is answered on this loop; an error at any of them is the answer.
  ipam_->allocate(
      std::move(container), {},
      {host_.loop(), [this, answer = std::move(answer)](
                         weft::Result<std::vector<weft::AllocatedAddress>> got) mutable {
         if (!got) {
           answer(tl::unexpected(got.error()));
           return;
         }
         bridge_->info(
             {host_.loop(), [allocated = *std::move(got), answer = std::move(answer)](
                                const weft::Result<weft::BridgeInfo>& bridge) mutable {
                answer(bridge.map([&](const auto& info) { return to_json(allocated, info); }));
              }});
       }});
}

void MyPlugin::remove(std::string container, weft::Reply<std::string> answer) {
  ipam_->release(std::move(container),
                 {host_.loop(), [answer = std::move(answer)](const weft::Result<>& done) mutable {
                    answer(done.map([] { return std::string("null"); }));
                  }});
}

}  // namespace my_plugin
