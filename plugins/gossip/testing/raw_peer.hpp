#pragma once
/// For tests: a peer made by hand, which sends whatever the test says.

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gossip/handshake.hpp"
#include "gossip/testing/sim_mesh.hpp"
#include "gossip/wire/message.hpp"
#include "gossip/wire/topology.hpp"

namespace weft::gossip {

using namespace std::chrono_literals;

/// A peer made by hand, as a Weave Net peer behaves unless the test says otherwise.
class RawPeer {
 public:
  RawPeer(testing::SimWorld& world, std::uint64_t number, bool is_weft = false)
      : RawPeer(world, number, SimMesh::address(number), is_weft) {}
  RawPeer(testing::SimWorld& world, std::uint64_t number, net::IpAddress from,
          bool is_weft = false);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// Opens the stream to a node and sends nothing yet.
  void dial(std::uint64_t to = 1);

  /// Dials and finishes the introduction.
  void meet(std::uint64_t connection_id = 77, std::uint64_t to = 1);

  /// Dials and begins the introduction.
  void introduce(std::uint64_t connection_id = 77, std::uint64_t to = 1);

  void write(Bytes octets);
  /// Ends the stream, as a visitor does that leaves.
  void leave();
  void stop_reading();
  void read_again();
  void send(const Bytes& message);
  void send_topology(const std::vector<Topology::Peer>& peers);

  std::uint64_t uid = 4711;
  std::uint16_t short_id = 1000;
  std::string nickname = "raw";
  std::string password;
  std::optional<std::vector<std::string>> overlays{{"sleeve"}};  ///< that it names
  unsigned highest_version = mesh::max_version;
  bool is_closed = false;
  std::size_t heard_bytes = 0;
  std::vector<Bytes> received;

 private:
  void on_data(ByteView octets);

  bool is_first_ = true;
  testing::FakeHost host_;
  PeerName name_;
  bool is_weft_;
  std::unique_ptr<Pending> dial_;
  std::unique_ptr<Stream> stream_;
  std::optional<Handshake> handshake_;
  std::optional<Session> session_;
  mesh::ReceiveBuffer buffer_;
};

[[nodiscard]] Bytes octets(std::initializer_list<unsigned> values);

[[nodiscard]] Bytes repeated(std::size_t count, unsigned char value);

[[nodiscard]] Bytes text(std::string_view content);

}  // namespace weft::gossip
