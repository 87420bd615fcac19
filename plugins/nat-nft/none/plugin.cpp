/// The nat-none plugin: what nat-nft does, without translating anything.

#include <string>

#include <weft/events/address.hpp>
#include <weft/plugin.hpp>
#include <weft/service/nat.hpp>

#include "../nat_keeper.hpp"
#include "../status.hpp"

namespace weft::nat {

class NatNone final : public Plugin {
 public:
  explicit NatNone(Host& host) : host_(host), keeper_(host.loop(), host.log(), host.metrics()) {}

  void describe(Schema& schema) override {
    schema.field("bridge", bridge_, "The bridge that pods attach to.");
  }

  Result<> start() override {
    WEFT_TRY(keeper_.start(bridge_, Translation::none));
    WEFT_TRY(command_, host_.control().serve("nat.status", [this](const std::string& /*params*/,
                                                                  Reply<std::string> answer) {
      answer(to_json(keeper_.status(), keeper_.dropped()));
    }));
    WEFT_TRY(doctor_, host_.control().serve("nat-none.doctor", [this](const std::string& /*params*/,
                                                                      Reply<std::string> answer) {
      keeper_.check({host_.loop(), [answer = std::move(answer)](
                                       const Result<std::vector<doctor::Check>>& checks) mutable {
                       answer(checks.map(doctor::to_json));
                     }});
    }));
    ranges_ = host_.bus().subscribe<events::LocalRangesChanged>(
        [this](const auto& event) { keeper_.set_local_ranges(event.ranges); });
    return host_.services().provide<Nat>(keeper_);
  }

  void stop() noexcept override {
    ranges_ = {};
    command_ = {};
    doctor_ = {};
    keeper_.stop();
  }

 private:
  Host& host_;
  std::string bridge_ = "weave";
  NatKeeper keeper_;
  CommandRegistration command_;
  CommandRegistration doctor_;
  Subscription ranges_;
};

}  // namespace weft::nat

WEFT_PLUGIN(weft::nat::NatNone)
