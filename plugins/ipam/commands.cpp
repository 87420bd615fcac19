/// Answers the control commands `ipam.*`.

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <weft/page.hpp>

#include "ipam/ipam_plugin.hpp"

namespace weft::ipam {

namespace {

/// An answer that goes back as JSON.
template <class T>
Answer<T> answer_json(Reply<std::string> reply, std::string (*format)(const T&)) {
  return [reply = std::move(reply), format](const Result<T>& answer) mutable {
    answer ? reply(format(*answer)) : reply(tl::unexpected(answer.error()));
  };
}

Answer<> answer_empty(Reply<std::string> reply) {
  return [reply = std::move(reply)](const Result<>& answer) mutable {
    answer ? reply(std::string("{}")) : reply(tl::unexpected(answer.error()));
  };
}

/// Nobody but a network as a whole has its first and its last address.
Result<> check_host_address(const net::Cidr& address) {
  const Address value = address.address.v4_value();
  if (address.address.is_v4() && address.prefix_length < 31 &&
      !host_range_of(address.network()).contains(value)) {
    const bool is_first = address.address == address.network().address;
    return fail(Errc::invalid,
                fmt::format("expose {}: it is the {} address of its network; name one between, or "
                            "none for a free one",
                            net::to_string(address), is_first ? "first" : "broadcast"));
  }
  return {};
}

std::string one_address(const net::Cidr& address) {
  return addresses_json({address});
}

std::string allocated_address(const AllocatedAddress& allocated) {
  return one_address(allocated.address);
}

}  // namespace

template <class Parameters, class Handler>
Result<> IpamPlugin::serve(CommandInfo info, Handler handler) {
  const auto shared = std::make_shared<Handler>(std::move(handler));
  const auto when_loaded = [this, shared](auto... given) {
    when_ready([shared, given = std::make_tuple(std::move(given)...)]() mutable {
      std::apply(*shared, std::move(given));
    });
  };
  CommandRegistration command;
  WEFT_TRY(command, host_.control().serve<Parameters>(std::move(info), when_loaded));
  commands_.push_back(std::move(command));
  return {};
}

/// What a pod has is in use, whatever its runtime forgot to say.
void IpamPlugin::release_if_unused(ReleaseParameters given, Reply<std::string> answer) {
  if (bridge_ == nullptr) {
    release_by_command(given, std::move(answer));
    return;
  }
  bridge_->pods({host_.loop(), [this, given = std::move(given), answer = std::move(answer)](
                                   const Result<std::vector<BridgePod>>& pods) mutable {
                   if (!pods) {
                     answer(tl::unexpected(pods.error()));
                   } else if (auto used = used_by_pod(given, *pods)) {
                     answer(fail(Errc::conflict, *std::move(used)));
                   } else {
                     release_by_command(given, std::move(answer));
                   }
                 }});
}

/// Why the release would free an address in use.
std::optional<std::string> IpamPlugin::used_by_pod(const ReleaseParameters& given,
                                                   const std::vector<BridgePod>& pods) const {
  for (const net::Cidr& held : allocator_->lookup(given.holder.owner)) {
    if (given.address.value && given.address.value->address != held.address) {
      continue;
    }
    const auto user = std::ranges::find_if(pods, [&](const BridgePod& pod) {
      return std::ranges::find(pod.addresses, held.address, &net::Cidr::address) !=
             pod.addresses.end();
    });
    if (user != pods.end()) {
      return fmt::format("release {}: the pod at port {}{} uses it; end that pod, which frees it",
                         net::to_string(held.address), user->port,
                         user->holder.empty() ? "" : " (" + user->holder + ")");
    }
  }
  return std::nullopt;
}

void IpamPlugin::release_by_command(const ReleaseParameters& given, Reply<std::string> answer) {
  const std::string& owner = given.holder.owner;
  if (given.address.value) {
    allocator_->release_address(owner, given.address.value->address,
                                answer_empty(std::move(answer)));
  } else {
    allocator_->release(owner,
                        answer_json<std::vector<net::Cidr>>(std::move(answer), addresses_json));
  }
}

Result<> IpamPlugin::serve_commands() {
  using Text = Reply<std::string>;
  WEFT_TRY(serve<NoParameters>(status_command(), [this](Text answer) { answer(status_answer()); }));
  WEFT_TRY(serve_pages());
  WEFT_TRY(serve<NoParameters>(report_command("IPAM"), [this](Text answer) {
    answer(report_json(*allocator_, default_subnet_,
                       [this](PeerName peer) { return is_known(peer); }));
  }));
  WEFT_TRY(serve<NoParameters>(list_command(),
                               [this](Text answer) { answer(list_json(allocator_->holdings())); }));
  WEFT_TRY(serve<NoParameters>(
      empty_command("ipam.prime", "Waits until the address range is divided."),
      [this](Text answer) { allocator_->prime(answer_empty(std::move(answer))); }));
  WEFT_TRY(serve<AllocateParameters>(
      addresses_command("ipam.allocate", "Allocates an address, or answers the one held already."),
      [this](const AllocateParameters& given, Text answer) {
        allocator_->allocate(given.holder.owner, given.subnet.value_or(default_subnet_),
                             answer_json<AllocatedAddress>(std::move(answer), allocated_address));
      }));
  WEFT_TRY(serve<ClaimParameters>(
      empty_command("ipam.claim", "Claims one address, as for a container that has it already."),
      [this](const ClaimParameters& given, Text answer) {
        allocator_->claim(given.holder.owner, given.address,
                          given.is_lenient ? ClaimMode::lenient : ClaimMode::strict,
                          answer_empty(std::move(answer)));
      }));
  WEFT_TRY(serve<ReleaseParameters>(
      addresses_command("ipam.release", "Frees an owner's addresses; {} when one was named."),
      [this](const ReleaseParameters& given, Text answer) {
        if (given.holder.owner != bridge_owner) {
          return release_if_unused(given, std::move(answer));
        }
        node_address_.may_free(
            given.address.value ? std::optional(given.address.value->address) : std::nullopt,
            [this, given, answer = std::move(answer)](const Result<>& allowed) mutable {
              allowed ? release_by_command(given, std::move(answer))
                      : answer(tl::unexpected(allowed.error()));
            });
      }));
  WEFT_TRY(serve<OwnerParameters>(
      addresses_command("ipam.lookup", "Says which addresses an owner holds."),
      [this](const OwnerParameters& given, Text answer) {
        answer(addresses_json(allocator_->lookup(given.owner)));
      }));
  return serve<TakeOverParameters>(
      take_over_command(), [this](const TakeOverParameters& given, Text answer) {
        const auto peer = allocator_->find_peer(given.peer);
        if (!peer) {
          return answer(tl::unexpected(peer.error()));
        }
        allocator_->take_over(*peer, [peer = *peer, answer = std::move(answer)](
                                         const Result<std::uint64_t>& gained) mutable {
          gained ? answer(take_over_json(peer, *gained)) : answer(tl::unexpected(gained.error()));
        });
      });
}

std::vector<std::string> IpamPlugin::warnings() const {
  std::vector<std::string> warnings = found_pods_.warnings();
  std::ranges::move(node_address_.warnings(), std::back_inserter(warnings));
  std::ranges::move(allocator_->warnings(), std::back_inserter(warnings));
  return warnings;
}

std::string IpamPlugin::status_answer() const {
  return status_json(*allocator_, default_subnet_, warnings(),
                     [this](PeerName peer) { return is_known(peer); });
}

Result<> IpamPlugin::serve_pages() {
  using Text = Reply<std::string>;
  WEFT_TRY(serve<PageParameters>(
      summary_command("IPAM"), [this](const PageParameters& given, Text answer) {
        answer(given.json ? status_answer()
                          : summary_page(*allocator_, default_subnet_, warnings(),
                                         [this](PeerName peer) { return is_known(peer); }));
      }));
  return serve<PageParameters>(
      page_command("ipam", "Who owns which share of the address range."),
      [this](const PageParameters& given, Text answer) {
        answer(given.json ? status_answer()
                          : shares_page(*allocator_, default_subnet_, host_.node().name,
                                        [this](PeerName peer) { return is_known(peer); }));
      });
}

Result<> IpamPlugin::serve_exposing() {
  using Text = Reply<std::string>;
  WEFT_TRY(serve<ExposeParameters>(
      addresses_command("ipam.expose", "Gives the node an address among the pods."),
      [this](const ExposeParameters& given, Text answer) {
        auto address = given.address.value;
        if (address && address->prefix_length == address->address.width()) {
          if (!default_subnet_.contains(address->address)) {
            answer(fail(
                Errc::invalid,
                fmt::format("expose {0}: give it the prefix length of its network, as in {0}/24",
                            net::to_string(address->address))));
            return;
          }
          address->prefix_length = default_subnet_.prefix_length;
        }
        if (auto usable = address ? check_host_address(*address) : Result<>(); !usable) {
          answer(tl::unexpected(std::move(usable).error()));
          return;
        }
        node_address_.expose(address, given.subnet, given.masquerade,
                             answer_json<net::Cidr>(std::move(answer), one_address));
      }));
  return serve<HideParameters>(
      addresses_command("ipam.hide", "Takes the node's addresses among the pods away."),
      [this](const HideParameters& given, Text answer) {
        const auto& address = given.address.value;
        node_address_.hide(address ? std::optional(address->address) : std::nullopt,
                           answer_json<std::vector<net::Cidr>>(std::move(answer), addresses_json));
      });
}

}  // namespace weft::ipam
