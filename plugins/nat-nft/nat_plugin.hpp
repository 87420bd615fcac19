#pragma once
/// What nat-nft and nat-none share: configuration, service and control commands around NatKeeper.

#include <string>
#include <utility>

#include <weft/events/address.hpp>
#include <weft/events/node_trouble.hpp>
#include <weft/plugin.hpp>
#include <weft/service/nat.hpp>

#include "nat_keeper.hpp"
#include "status.hpp"

namespace weft::nat {

class NatPlugin : public Plugin {
 public:
  /// `name` is the plugin's.
  NatPlugin(Host& host, std::string name, Translation translation)
      : host_(host),
        name_(std::move(name)),
        translation_(translation),
        keeper_(host.loop(), host.log(), host.metrics()) {}

  Result<> start() override {
    WEFT_TRY(keeper_.start(host_.node().bridge, translation_, [this](const std::string& trouble) {
      host_.bus().publish(events::NodeTrouble{"NAT", trouble});
    }));
    WEFT_TRY(command_, host_.control().serve(status_command(), [this](Reply<std::string> answer) {
      answer(to_json(keeper_.status(), keeper_.dropped(), keeper_.losses()));
    }));
    WEFT_TRY(doctor_,
             host_.control().serve(doctor::command_of(name_), [this](Reply<std::string> answer) {
               keeper_.check(
                   {host_.loop(), [answer = std::move(answer)](
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
  const std::string name_;
  const Translation translation_;
  NatKeeper keeper_;
  CommandRegistration command_;
  CommandRegistration doctor_;
  Subscription ranges_;
};

}  // namespace weft::nat
