/// Waits for nftables notifications with Asio and reads whose table they are about.

#include <weft/nft/watcher.hpp>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace weft::nft {

Result<std::uint32_t> port_of(const nl::Socket& socket) {
  sockaddr_nl address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return fail(errno, "read the port of a netlink socket");
  }
  return address.nl_pid;
}

std::optional<Change> parse_change(const nlmsghdr& message) {
  const auto* const header = nl::extra_header<nfgenmsg>(message);
  if (header == nullptr || NFNL_SUBSYS_ID(message.nlmsg_type) != NFNL_SUBSYS_NFTABLES) {
    return std::nullopt;
  }
  constexpr std::array families{Family::ip, Family::inet, Family::bridge};
  const auto* const family = std::ranges::find(families, header->nfgen_family, number_of);
  if (family == families.end()) {
    return std::nullopt;
  }
  // Tables, chains, rules, sets and elements all carry their table's name in attribute 1.
  static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1);
  nl::AttributeReader reader{message, sizeof *header};
  while (const auto attribute = reader.next()) {
    if (attribute->type == NFTA_TABLE_NAME) {
      return Change{std::string(attribute->text()), message.nlmsg_pid, *family};
    }
  }
  return std::nullopt;
}

/// Shared with the pending wait, which may complete once more after the watcher is gone.
struct Watcher::State {
  State(boost::asio::io_context& io, nl::Socket opened, Handler change, Task lost)
      : socket(std::move(opened)),
        descriptor(io, socket.fd()),
        on_change(std::move(change)),
        on_lost(std::move(lost)) {}

  void receive() {
    const auto received = socket.receive([this](const nlmsghdr& message) {
      if (const auto change = parse_change(message)) {
        on_change(*change);
      }
    });
    if (!received) {
      on_lost();
    }
  }

  nl::Socket socket;
  boost::asio::posix::stream_descriptor descriptor;  // of the socket, which closes it
  Handler on_change;
  Task on_lost;
  bool is_closed = false;
};

namespace {

template <class StatePtr>
void wait(StatePtr state) {
  auto& descriptor = state->descriptor;
  descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [state = std::move(state)](const boost::system::error_code& error) mutable {
                          if (error || state->is_closed) {
                            return;
                          }
                          state->receive();
                          if (!state->is_closed) {
                            wait(std::move(state));
                          }
                        });
}

}  // namespace

Result<std::unique_ptr<Watcher>> Watcher::open(boost::asio::io_context& io, Handler on_change,
                                               Task on_lost) {
  auto socket = nl::Socket::open(NETLINK_NETFILTER);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  WEFT_TRY(socket->join(NFNLGRP_NFTABLES));
  auto state =
      std::make_shared<State>(io, std::move(*socket), std::move(on_change), std::move(on_lost));
  wait(state);
  return std::unique_ptr<Watcher>(new Watcher(std::move(state)));
}

Watcher::~Watcher() {
  state_->is_closed = true;
  state_->descriptor.release();
}

}  // namespace weft::nft
