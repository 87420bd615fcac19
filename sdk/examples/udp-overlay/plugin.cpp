/// The udp-overlay plugin: configuration, service and control command around UdpOverlay.

#include <memory>
#include <string>

#include <fmt/core.h>

#include <weft/plugin.hpp>
#include <weft/service/dataplane.hpp>
#include <weft/service/overlay.hpp>

#include "overlay.hpp"

namespace weft::udp_overlay {
namespace {

/// No value needs escaping: names and addresses are hexadecimal digits and punctuation.
std::string to_json(const std::vector<overlay::UdpStatus>& connections) {
  std::string list;
  for (const overlay::UdpStatus& connection : connections) {
    list += fmt::format(R"({}{{"remote":"{}","address":"{}","mtu":{},"established":{}}})",
                        list.empty() ? "" : ",", to_string(connection.remote), connection.address,
                        connection.mtu, connection.is_established);
  }
  return "[" + list + "]";
}

}  // namespace

class UdpOverlayPlugin final : public Plugin {
 public:
  explicit UdpOverlayPlugin(Host& host) : host_(host) {}

  void describe(Schema& schema) override {
    schema.field("listen", listen_, "UDP address and port; peers learn the port over the mesh.");
  }

  Result<> start() override {
    Dataplane* dataplane = nullptr;
    WEFT_TRY(dataplane, host_.services().require<Dataplane>());
    overlay_ = std::make_unique<UdpOverlay>(host_, *dataplane);
    WEFT_TRY(overlay_->start(listen_));
    WEFT_TRY(status_, host_.control().serve({"udp-overlay.status",
                                             "The connections that the overlay carries.",
                                             "list of objects",
                                             {{"remote", "The peer."},
                                              {"address", "Of the peer."},
                                              {"mtu", "Of pods' packets."},
                                              {"established", "Whether it carries frames."}}},
                                            [this](Reply<std::string> answer) {
                                              answer(to_json(overlay_->describe()));
                                            }));
    host_.log().info("udp overlay listening", "address", overlay_->local());
    return host_.services().provide<Overlay>(*overlay_);
  }

  void stop() noexcept override {
    status_ = {};
    if (overlay_) {
      overlay_->stop();
    }
  }

 private:
  Host& host_;
  net::Endpoint listen_{{net::Family::v6, {}}, 6787};
  std::unique_ptr<UdpOverlay> overlay_;
  CommandRegistration status_;
};

}  // namespace weft::udp_overlay

WEFT_PLUGIN(weft::udp_overlay::UdpOverlayPlugin)
