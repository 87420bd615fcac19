/// Answers the control commands `ipam.*`.

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

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

std::string one_address(const net::Cidr& address) {
  return addresses_json({address});
}

std::string allocated_address(const AllocatedAddress& allocated) {
  return one_address(allocated.address);
}

void refuse(Reply<std::string>& answer, const char* what) {
  answer(fail(Errc::invalid, fmt::format("run the command: it needs '{}'", what)));
}

}  // namespace

Result<> IpamPlugin::serve(std::string name,
                           UniqueFunction<void(CommandParams, Reply<std::string>)> handler) {
  auto shared = std::make_shared<decltype(handler)>(std::move(handler));
  auto served = host_.control().serve(
      std::move(name), [this, shared](const std::string& text, Reply<std::string> answer) {
        auto params = parse_params(text);
        if (!params) {
          answer(tl::unexpected(params.error()));
          return;
        }
        when_ready([shared, params = std::move(*params), answer = std::move(answer)]() mutable {
          (*shared)(std::move(params), std::move(answer));
        });
      });
  if (!served) {
    return tl::unexpected(served.error());
  }
  commands_.push_back(std::move(*served));
  return {};
}

void IpamPlugin::release_by_command(const CommandParams& params, Reply<std::string> answer) {
  if (params.address) {
    allocator_->release_address(*params.owner, params.address->address,
                                answer_empty(std::move(answer)));
  } else {
    allocator_->release(*params.owner,
                        answer_json<std::vector<net::Cidr>>(std::move(answer), addresses_json));
  }
}

Result<> IpamPlugin::serve_commands() {
  using Text = Reply<std::string>;
  WEFT_TRY(serve("ipam.status", [this](const CommandParams& /*params*/, Text answer) {
    std::vector<std::string> warnings = found_pods_.warnings();
    std::ranges::move(node_address_.warnings(), std::back_inserter(warnings));
    answer(status_json(*allocator_, default_subnet_, warnings,
                       [this](PeerName peer) { return is_known(peer); }));
  }));
  WEFT_TRY(serve("ipam.list", [this](const CommandParams& /*params*/, Text answer) {
    answer(list_json(allocator_->holdings()));
  }));
  WEFT_TRY(serve("ipam.prime", [this](const CommandParams& /*params*/, Text answer) {
    allocator_->prime(answer_empty(std::move(answer)));
  }));
  WEFT_TRY(serve("ipam.allocate", [this](const CommandParams& params, Text answer) {
    if (!params.owner) {
      return refuse(answer, "owner");
    }
    allocator_->allocate(*params.owner, params.subnet.value_or(default_subnet_),
                         answer_json<AllocatedAddress>(std::move(answer), allocated_address));
  }));
  WEFT_TRY(serve("ipam.claim", [this](const CommandParams& params, Text answer) {
    if (!params.owner || !params.address) {
      return refuse(answer, params.owner ? "address" : "owner");
    }
    allocator_->claim(*params.owner, *params.address, params.mode, answer_empty(std::move(answer)));
  }));
  WEFT_TRY(serve("ipam.release", [this](const CommandParams& params, Text answer) {
    if (!params.owner) {
      return refuse(answer, "owner");
    }
    if (*params.owner != bridge_owner) {
      return release_by_command(params, std::move(answer));
    }
    node_address_.may_free(
        params.address ? std::optional(params.address->address) : std::nullopt,
        [this, params, answer = std::move(answer)](const Result<>& allowed) mutable {
          allowed ? release_by_command(params, std::move(answer))
                  : answer(tl::unexpected(allowed.error()));
        });
  }));
  WEFT_TRY(serve("ipam.lookup", [this](const CommandParams& params, Text answer) {
    if (!params.owner) {
      return refuse(answer, "owner");
    }
    answer(addresses_json(allocator_->lookup(*params.owner)));
  }));
  return serve("ipam.take-over", [this](const CommandParams& params, Text answer) {
    if (!params.peer) {
      return refuse(answer, "peer");
    }
    const auto peer = allocator_->find_peer(*params.peer);
    if (!peer) {
      return answer(tl::unexpected(peer.error()));
    }
    allocator_->take_over(*peer, [peer = *peer, answer = std::move(answer)](
                                     const Result<std::uint64_t>& gained) mutable {
      gained ? answer(take_over_json(peer, *gained)) : answer(tl::unexpected(gained.error()));
    });
  });
}

Result<> IpamPlugin::serve_exposing() {
  using Text = Reply<std::string>;
  WEFT_TRY(serve("ipam.expose", [this](const CommandParams& params, Text answer) {
    auto address = params.address;
    if (address && address->prefix_length == address->address.width()) {
      if (!default_subnet_.contains(address->address)) {
        answer(
            fail(Errc::invalid,
                 fmt::format("expose {0}: give it the prefix length of its network, as in {0}/24",
                             net::to_string(address->address))));
        return;
      }
      address->prefix_length = default_subnet_.prefix_length;
    }
    node_address_.expose(address, params.subnet, params.masquerade,
                         answer_json<net::Cidr>(std::move(answer), one_address));
  }));
  return serve("ipam.hide", [this](const CommandParams& params, Text answer) {
    node_address_.hide(params.address ? std::optional(params.address->address) : std::nullopt,
                       answer_json<std::vector<net::Cidr>>(std::move(answer), addresses_json));
  });
}

}  // namespace weft::ipam
