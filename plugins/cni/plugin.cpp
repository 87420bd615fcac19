/// Serves the control commands of weft-cni.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <weft/plugin.hpp>
#include <weft/service/bridge.hpp>
#include <weft/service/ipam.hpp>

#include "exchange.hpp"
#include "pod_networks.hpp"

namespace weft::cni {

/// Everything runs on the plugin's loop.
class Cni final : public Plugin {
 public:
  explicit Cni(Host& host) : host_(host), pods_(host.loop()) {}

  Result<> start() override {
    WEFT_TRY(ipam_, host_.services().follow<Ipam>([this](Ipam* ipam) { pods_.use(ipam); }));
    WEFT_TRY(bridge_,
             host_.services().follow<Bridge>([this](Bridge* bridge) { pods_.use(bridge); }));
    WEFT_TRY(serve("cni.add", &PodNetworks::add));
    WEFT_TRY(serve("cni.check", &PodNetworks::check));
    WEFT_TRY(serve("cni.network", &PodNetworks::network));
    return serve("cni.release", &PodNetworks::release);
  }

  void stop() noexcept override {
    commands_.clear();
    ipam_ = {};
    bridge_ = {};
  }

 private:
  static std::string answer_text(const PodNetwork& network) { return to_json(network); }
  static std::string answer_text() { return "{}"; }

  template <class T>
  Reply<T> as_json(Reply<std::string> answer) {
    return {host_.loop(), [answer = std::move(answer)](Result<T> result) mutable {
              if (!result) {
                answer(tl::unexpected(std::move(result).error()));
              } else if constexpr (std::is_void_v<T>) {
                answer(answer_text());
              } else {
                answer(answer_text(*result));
              }
            }};
  }

  template <class T>
  Result<> serve(std::string name, void (PodNetworks::*method)(PodRequest, Reply<T>)) {
    auto handler = [this, method](const std::string& params, Reply<std::string> answer) {
      auto request = parse_pod_request(params);
      if (!request) {
        answer(tl::unexpected(std::move(request).error()));
        return;
      }
      (pods_.*method)(*std::move(request), as_json<T>(std::move(answer)));
    };
    CommandRegistration command;
    WEFT_TRY(command, host_.control().serve(std::move(name), std::move(handler)));
    commands_.push_back(std::move(command));
    return {};
  }

  Host& host_;
  PodNetworks pods_;  // until the loop is drained: answers may be on their way
  std::vector<CommandRegistration> commands_;
  Following ipam_;
  Following bridge_;
};

}  // namespace weft::cni

WEFT_PLUGIN(weft::cni::Cni)
