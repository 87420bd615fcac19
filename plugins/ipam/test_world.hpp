#pragma once
/// Allocators wired to each other in memory, on virtual time, with disks and a network that a test
/// can slow, break and garble.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weft/testing/sim_world.hpp>

#include "ipam/allocator.hpp"

namespace weft::ipam::test {

using namespace std::chrono_literals;

/// Drops every line.
class SilentLog final : public Log {
 public:
  bool is_enabled(LogLevel /*level*/) const noexcept override { return false; }

 private:
  void write(LogLevel /*level*/, std::string_view /*message*/,
             std::span<const LogField> /*fields*/) noexcept override {}
};

class World;

/// One peer: an allocator, its disk, and its view of the others.
class Node final : public Surroundings {
 public:
  Node(World& world, PeerName name, std::string init, std::string range);

  /// Ends the process, losing what is not on disk. `start` begins the next one.
  void crash();
  void start();
  [[nodiscard]] bool is_running() const noexcept { return allocator_ != nullptr; }
  [[nodiscard]] Allocator& allocator() { return *allocator_; }
  [[nodiscard]] PeerName name() const noexcept { return name_; }

  /// Runs the world until the allocation is answered.
  Result<net::Cidr> allocate(const std::string& owner, const std::string& subnet = "");
  Result<> claim(const std::string& owner, const std::string& address,
                 ClaimMode mode = ClaimMode::strict);
  std::vector<net::Cidr> release(const std::string& owner);

  std::string init;
  std::string range;
  Stored disk;
  int disk_error = 0;
  bool is_disk_stuck = false;  ///< saves are not answered until it is false again
  std::size_t direct = 0;
  std::set<PeerName> unknown;    ///< peers that the mesh lost
  std::set<PeerName> distant;    ///< peers that are reached through others
  std::set<PeerName> strangers;  ///< peers that the mesh knows and that run nothing
  std::map<std::string, std::size_t> refused;
  std::size_t outbid = 0;
  int saves = 0;
  std::vector<net::Cidr> published;
  std::vector<std::string> errors;  ///< of handling messages
  std::vector<std::pair<PeerName, Bytes>> sent;
  int broadcasts = 0;

  WallTime wall_now() const override;
  TimePoint now() const override { return loop_.now(); }
  double random_unit() override;
  Timer after(Duration delay, Task task) override;
  void unicast(PeerName to, Bytes payload, Answer<> sent_answer) override;
  void broadcast_state() override;
  void save(const RingState& ring, const Holdings& holdings, const RingState& fences,
            Answer<> saved) override;
  void publish(std::vector<net::Cidr> local_ranges) override {
    published = std::move(local_ranges);
  }
  bool is_known(PeerName peer) const override;
  bool is_neighbour(PeerName peer) const override {
    return is_known(peer) && !distant.contains(peer);
  }
  std::size_t direct_peers() const override { return direct; }
  void count_refused(std::string_view reason, std::size_t times) override {
    refused[std::string(reason)] += times;
  }
  void count_outbid(std::size_t entries) override { outbid += entries; }
  Log& log() override { return log_; }

 private:
  void write_disk(RingState ring, Holdings holdings, RingState fences, Answer<> saved);
  /// Runs `task` later, unless this process ended meanwhile.
  void later(Duration delay, Task task);

  World& world_;
  PeerName name_;
  testing::SimLoop& loop_;
  SilentLog log_;
  std::uint64_t incarnation_ = 0;
  std::unique_ptr<Allocator> allocator_;
};

/// The peers and the network between them.
class World {
 public:
  explicit World(std::uint64_t seed = 1) : sim(seed) {}
  ~World() {
    for (auto& [name, node] : nodes) {
      node->crash();
    }
  }

  Node& add(std::uint64_t name, std::string init = "consensus",
            std::string range = "10.32.0.0/24") {
    auto node = std::make_unique<Node>(*this, PeerName{name}, std::move(init), std::move(range));
    Node& added = *node;
    nodes[PeerName{name}] = std::move(node);
    added.start();
    return added;
  }

  [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(sim.random() % bound);
  }
  /// How long a message takes: in order unless the network is rough.
  [[nodiscard]] Duration travel_time() {
    return is_rough ? std::chrono::milliseconds{1 + below(900)} : latency;
  }
  [[nodiscard]] bool is_lost() { return is_rough && below(100) < 20; }
  [[nodiscard]] bool is_doubled() { return is_rough && below(100) < 10; }
  [[nodiscard]] bool is_connected(PeerName a, PeerName b) {
    return nodes.contains(b) && nodes[b]->is_running() && !cut.contains({a, b}) &&
           !cut.contains({b, a});
  }
  void deliver(PeerName from, PeerName to, UniqueFunction<Result<>(Allocator&)> message);
  /// What the mesh does every 30 seconds.
  void gossip();
  /// `duration` of virtual time, with gossip.
  void run_for(Duration duration);
  /// No address belongs to two peers.
  void expect_disjoint();

  testing::SimWorld sim;
  std::map<PeerName, std::unique_ptr<Node>> nodes;
  std::set<std::pair<PeerName, PeerName>> cut;
  Duration latency = 1ms;
  bool is_rough = false;
};

inline Node::Node(World& world, PeerName name, std::string init_text, std::string range_text)
    : init(std::move(init_text)),
      range(std::move(range_text)),
      world_(world),
      name_(name),
      loop_(world.sim.add_loop(to_string(name))) {}

inline void Node::crash() {
  ++incarnation_;
  if (allocator_) {
    allocator_->stop();
    allocator_.reset();
  }
}

inline void Node::start() {
  Settings settings;
  settings.self = name_;
  settings.nickname = "node" + std::to_string(static_cast<std::uint64_t>(name_));
  settings.uid = loop_.random();
  settings.universe = *net::parse_cidr(range);
  settings.init = *parse_init_mode(init);
  allocator_ = std::make_unique<Allocator>(*this, std::move(settings));
  allocator_->start(disk);
}

inline void Node::later(Duration delay, Task task) {
  world_.sim.schedule(delay, &loop_,
                      [this, incarnation = incarnation_, task = std::move(task)]() mutable {
                        if (incarnation == incarnation_) {
                          task();
                        }
                      });
}

inline WallTime Node::wall_now() const {
  return loop_.wall_now() + std::chrono::years{3};  // when ceilings rise
}
inline double Node::random_unit() {
  return weft::random_unit(loop_);
}
inline Timer Node::after(Duration delay, Task task) {
  return loop_.after(delay, std::move(task));
}

inline bool Node::is_known(PeerName peer) const {
  return strangers.contains(peer) || (world_.nodes.contains(peer) && !unknown.contains(peer));
}

inline void Node::unicast(PeerName to, Bytes payload, Answer<> sent_answer) {
  ASSERT_FALSE(payload.empty());
  sent.emplace_back(to, payload);
  if (!world_.is_connected(name_, to)) {
    later(1ms, [answer = std::move(sent_answer), to]() mutable {
      answer(fail(Errc::unreachable, "reach " + to_string(to)));
    });
    return;
  }
  later(1ms, [answer = std::move(sent_answer)]() mutable { answer({}); });
  for (int copies = world_.is_doubled() ? 2 : 1; copies > 0; --copies) {
    world_.deliver(name_, to, [from = name_, payload](Allocator& allocator) {
      return allocator.on_unicast(from, payload);
    });
  }
}

inline void Node::broadcast_state() {
  ++broadcasts;
  later(0ms, [this] {
    for (const auto& [peer, node] : world_.nodes) {
      if (peer != name_ && world_.is_connected(name_, peer)) {
        world_.deliver(name_, peer,
                       [from = name_, state = allocator_->complete_state()](Allocator& allocator) {
                         return allocator.on_broadcast(from, state);
                       });
      }
    }
  });
}

inline void Node::save(const RingState& ring, const Holdings& holdings, const RingState& fences,
                       Answer<> saved) {
  ++saves;
  write_disk(ring, holdings, fences, std::move(saved));
}

inline void Node::write_disk(RingState ring, Holdings holdings, RingState fences, Answer<> saved) {
  later(world_.is_rough ? Duration{10ms} : Duration{1ms},
        [this, ring = std::move(ring), holdings = std::move(holdings), fences = std::move(fences),
         saved = std::move(saved)]() mutable {
          if (is_disk_stuck) {
            write_disk(std::move(ring), std::move(holdings), std::move(fences), std::move(saved));
            return;
          }
          if (disk_error != 0) {
            saved(fail(disk_error, "write the database"));
            return;
          }
          disk.name = name_;
          disk.ring = *decode_stored_ring(encode_stored_ring(ring, name_));
          disk.fences = *decode_stored_ring(encode_stored_ring(fences, name_));
          disk.holdings = *decode_stored_holdings(encode_stored_holdings(holdings));
          saved({});
        });
}

inline Result<net::Cidr> Node::allocate(const std::string& owner, const std::string& subnet) {
  auto answer = std::make_shared<std::optional<Result<net::Cidr>>>();
  allocator_->allocate(owner, *net::parse_cidr(subnet.empty() ? range : subnet),
                       [answer](const Result<AllocatedAddress>& got) {
                         *answer = got.map([](const auto& allocated) { return allocated.address; });
                       });
  world_.sim.run_until([&] { return answer->has_value(); }, 120s);
  return answer->value_or(fail(Errc::timeout, "get any answer"));
}

inline Result<> Node::claim(const std::string& owner, const std::string& address, ClaimMode mode) {
  auto answer = std::make_shared<std::optional<Result<>>>();
  allocator_->claim(owner, *net::parse_cidr(address), mode,
                    [answer](Result<> got) { *answer = std::move(got); });
  world_.sim.run_until([&] { return answer->has_value(); }, 120s);
  return answer->value_or(fail(Errc::timeout, "get any answer"));
}

inline std::vector<net::Cidr> Node::release(const std::string& owner) {
  auto answer = std::make_shared<std::optional<Result<std::vector<net::Cidr>>>>();
  allocator_->release(owner, [answer](Result<std::vector<net::Cidr>> got) { *answer = got; });
  world_.sim.run_until([&] { return answer->has_value(); }, 120s);
  return answer->value().value();
}

inline void World::deliver(PeerName from, PeerName to,
                           UniqueFunction<Result<>(Allocator&)> message) {
  if (is_lost()) {
    return;
  }
  sim.schedule(travel_time(), nullptr, [this, from, to, message = std::move(message)]() mutable {
    if (!is_connected(from, to)) {
      return;
    }
    if (const auto handled = message(nodes[to]->allocator()); !handled) {
      nodes[to]->errors.push_back(handled.error().context);
    }
  });
}

inline void World::gossip() {
  for (const auto& [from, node] : nodes) {
    for (const auto& [to, other] : nodes) {
      if (from != to && node->is_running() && is_connected(from, to)) {
        deliver(from, to, [state = node->allocator().complete_state()](Allocator& allocator) {
          return allocator.on_gossip(state);
        });
      }
    }
  }
}

inline void World::run_for(Duration duration) {
  for (; duration > Duration{0}; duration -= 30s) {
    gossip();
    sim.run_for(std::min<Duration>(duration, 30s));
  }
}

inline void World::expect_disjoint() {
  AddressSet all;
  std::uint32_t sum = 0;
  for (const auto& [name, node] : nodes) {
    if (!node->is_running()) {
      continue;
    }
    for (const AddressRange range : node->allocator().ring().owned_ranges(name)) {
      all.add(range);
      sum += range.size();
    }
  }
  EXPECT_EQ(all.count(), sum) << "an address belongs to two peers";
}

}  // namespace weft::ipam::test
