/// A peer made by hand.

#include "gossip/testing/raw_peer.hpp"

#include "gossip/wire/message.hpp"
#include "gossip/wire/topology.hpp"

namespace weft::gossip {

RawPeer::RawPeer(testing::SimWorld& world, std::uint64_t number, net::IpAddress from, bool is_weft)
    : host_(world, {PeerName{number}, "raw", {}, {}}, {from}), name_{number}, is_weft_(is_weft) {}

RawPeer::~RawPeer() {
  host_.loop().run([&] { stream_.reset(); });
}

void RawPeer::dial(std::uint64_t to) {
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

void RawPeer::meet(std::uint64_t connection_id, std::uint64_t to) {
  introduce(connection_id, to);
  host_.world().run_until([&] { return session_.has_value() || is_closed; }, 1s);
}

void RawPeer::introduce(std::uint64_t connection_id, std::uint64_t to) {
  mesh::Features features;
  features.name = name_;
  features.nickname = nickname;
  features.uid = uid;
  features.connection_id = connection_id;
  features.short_id = short_id;
  features.overlays = overlays;
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

void RawPeer::write(Bytes octets) {
  host_.loop().run([&] {
    if (stream_) {
      stream_->write(std::move(octets));
    }
  });
}

void RawPeer::leave() {
  host_.loop().run([&] { stream_.reset(); });
}

void RawPeer::stop_reading() {
  host_.loop().run([&] { stream_->pause(); });
}

void RawPeer::read_again() {
  host_.loop().run([&] { stream_->resume(); });
}

void RawPeer::send(const Bytes& message) {
  write(*session_->encode(message));
}

void RawPeer::send_topology(const std::vector<Topology::Peer>& peers) {
  std::vector<const Topology::Peer*> list;
  for (const auto& peer : peers) {
    list.push_back(&peer);
  }
  const Bytes payload = mesh::encode_topology(list);
  send(mesh::encode_message(mesh::Gossip{"topology", name_, payload}));
}

void RawPeer::on_data(ByteView octets) {
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

Bytes octets(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

Bytes repeated(std::size_t count, unsigned char value) {
  return Bytes(count, std::byte{value});
}

Bytes text(std::string_view content) {
  const ByteView view = as_bytes(content);
  return {view.begin(), view.end()};
}

}  // namespace weft::gossip
