#pragma once
/// What the allocator and its parts are given: the world they act on, and their settings.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/function.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "codec.hpp"
#include "init_mode.hpp"

namespace weft::ipam {

template <class T = void>
using Answer = UniqueFunction<void(Result<T>)>;

/// Everything the allocator needs of the world. Called on the allocator's thread; callbacks come
/// later on that thread, never from inside the call.
class Surroundings {
 public:
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  [[nodiscard]] virtual TimePoint now() const = 0;
  /// A uniformly random real in [0, 1).
  [[nodiscard]] virtual double random_unit() = 0;
  [[nodiscard]] virtual Timer after(Duration delay, Task task) = 0;

  /// Sends to one peer. Answers Errc::unreachable when there is no way to it.
  virtual void unicast(PeerName to, Bytes payload, Answer<> sent) = 0;
  /// Sends Allocator::complete_state to every peer, soon.
  virtual void broadcast_state() = 0;
  /// Puts all of it on disk, or none. `fences` is Fences::stored.
  virtual void save(const RingState& ring, const Holdings& holdings, const RingState& fences,
                    Answer<> saved) = 0;
  /// The addresses of the ring that belong to this node are now these.
  virtual void publish(std::vector<net::Cidr> local_ranges) = 0;

  /// Whether the mesh has heard of the peer.
  [[nodiscard]] virtual bool is_known(PeerName peer) const = 0;
  /// Whether this node has a connection of its own to the peer, over which alone the mesh takes
  /// unicasts in its name.
  [[nodiscard]] virtual bool is_neighbour(PeerName peer) const = 0;
  /// How many configured addresses of peers the mesh still tries.
  [[nodiscard]] virtual std::size_t direct_peers() const = 0;
  /// Counts what peers told or asked and this node did not take, by reason.
  virtual void count_refused(std::string_view reason, std::size_t times) = 0;
  /// Counts entries of a message that would have taken ranges from this node.
  virtual void count_outbid(std::size_t entries) = 0;
  [[nodiscard]] virtual Log& log() = 0;

 protected:
  ~Surroundings() = default;
};

struct Settings {
  PeerName self{};
  std::string nickname;
  std::uint64_t uid = 0;  ///< different in every run of this peer
  net::Cidr universe;     ///< the cluster's range; its last address is below 255.255.255.255
  InitMode init;
  std::chrono::milliseconds allocate_timeout{30'000};
};

}  // namespace weft::ipam
