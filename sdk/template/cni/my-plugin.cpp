/// Asks ipam for an address and the bridge for what a container needs besides.

#include "my-plugin.hpp"

#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace my_plugin {

weft::Result<std::string> container_of(const std::string& params) {
  const auto parsed = nlohmann::json::parse(params, nullptr, /*allow_exceptions=*/false);
  const auto found = parsed.is_object() ? parsed.find("container") : parsed.end();
  if (found == parsed.end() || !found->is_string() ||
      found->get_ref<const std::string&>().empty()) {
    return weft::fail(weft::Errc::invalid, "read the request: want {\"container\": \"ID\"}");
  }
  return found->get<std::string>();
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
  WEFT_TRY(command,
           host_.control().serve("my-plugin.add", [this](const std::string& params, auto answer) {
             add(params, std::move(answer));
           }));
  commands_.push_back(std::move(command));
  WEFT_TRY(command,
           host_.control().serve("my-plugin.del", [this](const std::string& params, auto answer) {
             remove(params, std::move(answer));
           }));
  commands_.push_back(std::move(command));
  return {};
}

void MyPlugin::stop() noexcept {
  commands_.clear();
}

void MyPlugin::add(const std::string& params, weft::Reply<std::string> answer) {
  const auto container = container_of(params);
  if (!container) {
    answer(tl::unexpected(container.error()));
    return;
  }
  // Each step is answered on this loop; an error at any of them is the answer.
  ipam_->allocate(
      *container, {},
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

void MyPlugin::remove(const std::string& params, weft::Reply<std::string> answer) {
  const auto container = container_of(params);
  if (!container) {
    answer(tl::unexpected(container.error()));
    return;
  }
  ipam_->release(*container,
                 {host_.loop(), [answer = std::move(answer)](const weft::Result<>& done) mutable {
                    answer(done.map([] { return std::string("null"); }));
                  }});
}

}  // namespace my_plugin
