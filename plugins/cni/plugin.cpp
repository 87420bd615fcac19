/// Serves the control commands of weft-cni.

#include <linux/rtnetlink.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/events/node_trouble.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/watcher.hpp>
#include <weft/page.hpp>
#include <weft/plugin.hpp>
#include <weft/service/bridge.hpp>
#include <weft/service/ipam.hpp>
#include <weft/service/store.hpp>

#include "attached_pods.hpp"
#include "command_parameters.hpp"
#include "common/attachment/exchange.hpp"
#include "guard_report.hpp"
#include "host_ports.hpp"
#include "pod_guard.hpp"
#include "pod_leases.hpp"
#include "pod_networks.hpp"

namespace weft::cni {

/// Everything runs on the plugin's loop.
class Cni final : public Plugin {
 public:
  explicit Cni(Host& host)
      : host_(host),
        probe_(host.node().run_directory),
        leases_(host.loop(), host.log(), host.metrics(), probe_, boot_id()),
        attached_(host.loop(), host.log(), host.bus(), probe_),
        pods_(host.loop(), leases_, attached_),
        guard_(host.loop(), host.log(), host.metrics()) {}

  void describe(Schema& schema) override {
    schema.field("pod-guard", wants_guard_,
                 "Drop what a pod sends with a MAC or IP address that is not its own.");
  }

  Result<> start() override {
    start_guard();
    WEFT_TRY(start_leases());
    WEFT_TRY(ipam_, host_.services().follow<Ipam>([this](Ipam* ipam) {
      pods_.use(ipam);
      leases_.use(ipam);
    }));
    WEFT_TRY(bridge_,
             host_.services().follow<Bridge>([this](Bridge* bridge) { bridge_changed(bridge); }));
    troubles_ = host_.bus().subscribe<events::NodeTrouble>(
        [this](const events::NodeTrouble& trouble) { note(trouble); });
    WEFT_TRY(serve_guard());
    WEFT_TRY(serve_add());
    WEFT_TRY(serve_attached());
    WEFT_TRY(serve(check_command(), &PodNetworks::check));
    WEFT_TRY(serve(network_command(), &PodNetworks::network));
    WEFT_TRY(serve(undo_command(), &PodNetworks::undo));
    return serve(release_command(), &PodNetworks::release);
  }

  void stop() noexcept override {
    commands_.clear();
    troubles_ = {};
    ipam_ = {};
    bridge_ = {};
    watcher_.reset();
    leases_.stop();
    attached_.stop();
    guard_.stop();
  }

 private:
  /// Pods run without the guard where the kernel cannot have it.
  void start_guard() {
    if (!wants_guard_) {
      if (const auto removed = PodGuard::remove_table(); !removed) {
        host_.log().warn("guard of pods not removed", "error", removed.error());
      }
      return;
    }
    if (const auto started = guard_.start(); !started) {
      guard_error_ = started.error().message();
      host_.log().warn("pods are not guarded", "error", started.error());
    }
    pods_.set_guards(guard_.is_running());
  }

  Result<> start_leases() {
    Store* store = nullptr;
    WEFT_TRY(store, host_.services().require<Store>());
    leases_.start(*store);
    attached_.start(*store);
    auto watcher = nl::Watcher::open(
        host_.loop(), NETLINK_ROUTE, {RTNLGRP_LINK},
        [this](const nlmsghdr& message) {
          if (message.nlmsg_type == RTM_DELLINK) {
            const auto link = nl::parse_link(message);
            link_gone(link ? link->name : "");
          }
        },
        [this] { link_gone(""); });
    if (watcher) {
      watcher_.emplace(*std::move(watcher));
    } else {
      host_.log().warn("pods that end without a DEL are noticed at the next start", "error",
                       watcher.error());
    }
    WEFT_TRY(keep(host_.control().serve(status_command(), [this](Reply<std::string> answer) {
      answer(R"({"Reclaimed":)" + std::to_string(leases_.freed()) + "}");
    })));
    return keep(host_.control().serve<PageParameters>(
        page_addition("ipam", "cni", "Addresses of pods that ended without a DEL."),
        [this](const PageParameters& /*given*/, Reply<std::string> answer) {
          PageLines page;
          if (leases_.freed() > 0) {
            page.line("{} addresses of pods that ended without a DEL were freed since the start",
                      leases_.freed());
          }
          answer(page.take());
        }));
  }

  void link_gone(std::string_view name) {
    leases_.look_soon();
    attached_.link_gone(name);
  }

  void note(const events::NodeTrouble& trouble) {
    refusals_.erase(trouble.source);
    if (trouble.refuses_pods && !trouble.reason.empty()) {
      refusals_[trouble.source] = trouble.reason;
    }
    pods_.refuse_pods(refusals_.empty() ? "" : refusals_.begin()->second);
  }

  void bridge_changed(Bridge* bridge) {
    pods_.use(bridge);
    if (bridge != nullptr) {
      bridge->info(Reply<BridgeInfo>(host_.loop(), [this](const Result<BridgeInfo>& info) {
        if (info && guard_.is_running()) {
          guard_.set_bridge(info->name);
        }
      }));
    }
  }

  Result<> serve_guard() {
    WEFT_TRY(keep(host_.control().serve<PortParameters>(
        guard_command(), [this](PortParameters given, Reply<std::string> answer) {
          answer(change_guard(std::move(given.port)).map([] { return answer_text(); }));
        })));
    WEFT_TRY(keep(host_.control().serve(guarded_command(), [this](Reply<std::string> answer) {
      answer(guarded_json(guard_.pods()));
    })));
    return keep(host_.control().serve(doctor::command_of("cni"), [this](Reply<std::string> answer) {
      answer(guard_checks(wants_guard_, guard_error_, guard_).map(doctor::to_json));
    }));
  }

  Result<> change_guard(PodPort port) {
    if (!guard_.is_running()) {
      return {};  // it was when the pod's network was asked for
    }
    return port.guard ? guard_.guard({std::move(port.port), port.mac, std::move(port.addresses)})
                      : guard_.release(port.port);
  }

  Result<> keep(Result<CommandRegistration> served) {
    CommandRegistration command;
    WEFT_TRY(command, std::move(served));
    commands_.push_back(std::move(command));
    return {};
  }

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

  /// It may wait for an address: what a caller that hung up waited for is given back.
  Result<> serve_add() {
    return keep(host_.control().serve<PodParameters>(
        add_command(), [this](PodParameters given, Reply<std::string> answer) -> Task {
          PodRequest undone = given.request;
          undone.attempt =
              pods_.add(std::move(given.request), as_json<PodNetwork>(std::move(answer)));
          return [this, undone = std::move(undone)] {
            pods_.undo(undone, {host_.loop(), [](const Result<>& /*done*/) {}});
          };
        }));
  }

  Result<> serve_attached() {
    return keep(host_.control().serve<AttachedParameters>(
        attached_command(), [this](AttachedParameters given, Reply<std::string> answer) {
          attached_.attach(std::move(given.pod), as_json<void>(std::move(answer)));
        }));
  }

  template <class T>
  Result<> serve(CommandInfo info, void (PodNetworks::*method)(PodRequest, Reply<T>)) {
    return keep(host_.control().serve<PodParameters>(
        std::move(info), [this, method](PodParameters given, Reply<std::string> answer) {
          (pods_.*method)(std::move(given.request), as_json<T>(std::move(answer)));
        }));
  }

  Host& host_;
  KernelProbe probe_;
  PodLeases leases_;
  AttachedPods attached_;
  PodNetworks pods_;  // until the loop is drained: answers may be on their way
  PodGuard guard_;
  bool wants_guard_ = true;
  std::string guard_error_;                      // why it does not run
  std::map<std::string, std::string> refusals_;  // of pods, by source
  std::vector<CommandRegistration> commands_;
  std::optional<nl::Watcher> watcher_;
  Subscription troubles_;
  Following ipam_;
  Following bridge_;
};

}  // namespace weft::cni

WEFT_PLUGIN(weft::cni::Cni)
