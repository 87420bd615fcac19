/// The metrics-exporter plugin: configuration around Server.

#include <chrono>
#include <memory>
#include <string>

#include <fmt/core.h>

#include <weft/plugin.hpp>
#include <weft/service/metrics.hpp>

#include "server.hpp"

namespace weft::metrics_exporter {

class MetricsExporter final : public Plugin {
 public:
  explicit MetricsExporter(Host& host) : host_(host) {}

  void describe(Schema& schema) override {
    schema.field("listen", listen_, "TCP address and port; who reaches it may read everything.");
    schema.field("connections", connections_, "How many clients are served at once.", {1, 1024});
    schema.field("patience", patience_,
                 "How long a client may take for a request, for an answer, and between them.",
                 {std::chrono::milliseconds{100}, std::chrono::hours{1}});
  }

  Result<> start() override {
    MetricsReader* reader = nullptr;
    WEFT_TRY(reader, host_.services().require<MetricsReader>());
    server_ = std::make_unique<Server>(
        Server::Node{host_.loop(), host_.transport(), host_.metrics(), *reader},
        Limits{connections_, patience_});
    WEFT_TRY(server_->start(listen_));
    WEFT_TRY(
        status_,
        host_.control().serve(
            {"metrics-exporter.status",
             "Where metrics are served.",
             "object",
             {{"address", "Where it listens."}, {"connections", "Clients that are connected."}}},
            [this](Reply<std::string> answer) {
              answer(fmt::format(R"({{"address":"{}","connections":{}}})",
                                 to_string(server_->local()), server_->connection_count()));
            }));
    host_.log().info("serving metrics", "address", server_->local());
    return {};
  }

  void stop() noexcept override {
    status_ = {};
    if (server_) {
      server_->stop();
    }
  }

 private:
  Host& host_;
  net::Endpoint listen_{net::IpAddress::v4(0x7F000001), 9782};
  std::uint32_t connections_ = 16;
  std::chrono::milliseconds patience_{90'000};
  std::unique_ptr<Server> server_;
  CommandRegistration status_;
};

}  // namespace weft::metrics_exporter

WEFT_PLUGIN(weft::metrics_exporter::MetricsExporter)
