/// Serves the control commands of weft-cni.

#include <memory>
#include <optional>
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
  explicit Cni(Host& host) : host_(host) {}

  Result<> start() override {
    Ipam* ipam = nullptr;
    WEFT_TRY(ipam, host_.services().require<Ipam>());
    Bridge* bridge = nullptr;
    WEFT_TRY(bridge, host_.services().require<Bridge>());
    pods_.emplace(host_.loop(), *ipam, *bridge);

    WEFT_TRY(serve("cni.add", &PodNetworks::add));
    WEFT_TRY(serve("cni.check", &PodNetworks::check));
    WEFT_TRY(serve("cni.network", &PodNetworks::network));
    return serve("cni.release", &PodNetworks::release);
  }

  void stop() noexcept override { commands_.clear(); }

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
      ((*pods_).*method)(*std::move(request), as_json<T>(std::move(answer)));
    };
    CommandRegistration command;
    WEFT_TRY(command, host_.control().serve(std::move(name), std::move(handler)));
    commands_.push_back(std::move(command));
    return {};
  }

  Host& host_;
  std::optional<PodNetworks> pods_;  // until the loop is drained: answers may be on their way
  std::vector<CommandRegistration> commands_;
};

}  // namespace weft::cni

WEFT_PLUGIN(weft::cni::Cni)
