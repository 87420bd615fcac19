#pragma once
/// One UDP port that all lanes share.

#include <concepts>
#include <memory>
#include <utility>
#include <vector>

#include <weft/lane.hpp>
#include <weft/overlay/route_mtu.hpp>
#include <weft/overlay/udp_lane.hpp>
#include <weft/overlay/underlay.hpp>

namespace weft::overlay {

/// A socket on each lane, all on the same port (SO_REUSEPORT). Used on the loop.
template <std::derived_from<UdpLane> L>
class UdpPort final : public Underlay {
 public:
  /// Opens the sockets and puts on each lane what `make(UniqueFd)` answers: a std::unique_ptr<L>.
  /// Errors: the kernel's.
  template <class Make>
  [[nodiscard]] Result<> open(Lanes& lanes, const net::Endpoint& listen, const UdpOptions& options,
                              Make make) {
    net::Endpoint shared = listen;
    std::vector<std::unique_ptr<L>> each;
    for (unsigned lane = 0; lane < lanes.count(); ++lane) {
      UniqueFd socket;
      WEFT_TRY(socket, open_udp(shared, options));
      shared.port = local_of(socket).port;  // the others share what the first one got
      each.push_back(make(std::move(socket)));
    }
    lanes_ = std::make_shared<PerLane<L>>(std::move(each));
    for (unsigned lane = 0; lane < lanes.count(); ++lane) {
      L& task = *lanes_->all()[lane];
      registrations_.push_back(lanes.add(lane, task, {task.socket().get()}));
    }
    return {};
  }

  /// Leaves the lanes, and waits for them.
  void close() noexcept { registrations_.clear(); }

  /// Null before `open`. Forwarders keep it: they may outlive the overlay.
  [[nodiscard]] const std::shared_ptr<PerLane<L>>& lanes() const noexcept { return lanes_; }
  /// Where it listens; the port is never 0.
  [[nodiscard]] net::Endpoint local() const noexcept { return local_of(first()); }

  [[nodiscard]] std::uint16_t port() const noexcept override { return local().port; }
  [[nodiscard]] Destination destination(const net::Endpoint& to) const override {
    return {family_of(first()), to, std::nullopt};
  }
  void send(const Destination& to, ByteView octets) noexcept override {
    static_cast<void>(send_datagram(first(), to, octets));
  }
  [[nodiscard]] Result<std::uint32_t> path_mtu(const net::Endpoint& to) const override {
    return query_route_mtu(to.address, std::nullopt).map([](const RouteMtu& route) {
      return route.reported;
    });
  }

 private:
  [[nodiscard]] const UniqueFd& first() const noexcept { return lanes_->all().front()->socket(); }

  std::shared_ptr<PerLane<L>> lanes_;
  std::vector<LaneRegistration> registrations_;
};

}  // namespace weft::overlay
