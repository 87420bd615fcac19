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

/// A peer made by hand, as an original behaves unless the test says otherwise.
class RawPeer {
 public:
  RawPeer(testing::SimWorld& world, std::uint64_t number, bool is_weft = false)
      : RawPeer(world, number, SimMesh::address(number), is_weft) {}
  RawPeer(testing::SimWorld& world, std::uint64_t number, net::IpAddress from, bool is_weft = false)
      : host_(world, {PeerName{number}, "raw", {}, {}}, {from}), name_{number}, is_weft_(is_weft) {}
  ~RawPeer() {
    host_.loop().run([&] { stream_.reset(); });
  }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// Opens the stream to a node and sends nothing yet.
  void dial(std::uint64_t to = 1) {
    host_.loop().run([&] {
      dial_ = host_.as_host().transport().dial({SimMesh::address(to), 6783}, 5s, [this](auto got) {
        if (!got) {
          is_closed = true;
          return;
        }
        stream_ = *std::move(got);
        stream_->start({[this](ByteView octets) { on_data(octets); },
                        [this](const Error&) { is_closed = true; },
                        {}});
      });
    });
    host_.world().run_until([&] { return stream_ != nullptr || is_closed; }, 1s);
  }

  /// Dials and finishes the introduction.
  void meet(std::uint64_t connection_id = 77, std::uint64_t to = 1) {
    introduce(connection_id, to);
    host_.world().run_until([&] { return session_.has_value() || is_closed; }, 1s);
  }

  /// Dials and begins the introduction.
  void introduce(std::uint64_t connection_id = 77, std::uint64_t to = 1) {
    mesh::Features features;
    features.name = name_;
    features.nickname = nickname;
    features.uid = uid;
    features.connection_id = connection_id;
    features.short_id = short_id;
    features.overlays = {"sleeve"};
    if (is_weft_) {
      features.weft = {200ms, 700ms};
    }
    Handshake::Settings settings;
    settings.outbound = true;
    settings.features = mesh::to_map(features);
    settings.password = password;
    host_.loop().run([&] { host_.loop().random_bytes(settings.private_key); });
    handshake_.emplace(std::move(settings));
    dial(to);
    write(mesh::encode_header(mesh::min_version, highest_version));
  }

  void write(Bytes octets) {
    host_.loop().run([&] {
      if (stream_) {
        stream_->write(std::move(octets));
      }
    });
  }
  /// Ends the stream, as a visitor does that leaves.
  void leave() {
    host_.loop().run([&] { stream_.reset(); });
  }
  void stop_reading() {
    host_.loop().run([&] { stream_->pause(); });
  }
  void send(const Bytes& message) { write(*session_->encode(message)); }
  void send_topology(const std::vector<Topology::Peer>& peers) {
    std::vector<const Topology::Peer*> list;
    for (const auto& peer : peers) {
      list.push_back(&peer);
    }
    const Bytes payload = mesh::encode_topology(list);
    send(mesh::encode_message(mesh::Gossip{"topology", name_, payload}));
  }

  std::uint64_t uid = 4711;
  std::uint16_t short_id = 1000;
  std::string nickname = "raw";
  std::string password;
  unsigned highest_version = mesh::max_version;
  bool is_closed = false;
  std::size_t heard_bytes = 0;
  std::vector<Bytes> received;

 private:
  void on_data(ByteView octets) {
    heard_bytes += octets.size();
    Bytes copy(octets.begin(), octets.end());
    if (highest_version == 1 && std::exchange(is_first_, false)) {
      copy[mesh::header_bytes - 1] = std::byte{1};  // so that our side speaks version 1, too
    }
    buffer_.append(copy);
    if (!handshake_) {
      return;
    }
    if (!session_) {
      auto answer = handshake_->advance(buffer_);
      if (!answer) {
        return;
      }
      stream_->write(*std::move(answer));
      if (handshake_->stage() == Handshake::Stage::done) {
        session_.emplace(handshake_->take().session);
      }
    }
    while (session_) {
      auto message = session_->next(buffer_);
      if (!message || !*message) {
        return;
      }
      received.push_back(**std::move(message));
    }
  }

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

inline Bytes octets(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

inline Bytes repeated(std::size_t count, unsigned char value) {
  return Bytes(count, std::byte{value});
}

inline Bytes text(std::string_view content) {
  const ByteView view = as_bytes(content);
  return {view.begin(), view.end()};
}

}  // namespace weft::gossip
