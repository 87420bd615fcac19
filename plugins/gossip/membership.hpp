#pragma once
/// The bridge between a gossip channel and its user in another plugin: calls go to the user's loop
/// in order, answers come back to the mesh's.

#include <memory>
#include <optional>
#include <string>

#include <weft/bytes.hpp>
#include <weft/loop.hpp>
#include <weft/reply.hpp>
#include <weft/service/mesh.hpp>

namespace weft::gossip {

/// Shared by the channel and the tasks under way. Created on any thread; every method but `leave`
/// is called on the mesh's loop. A reply to a user that left, or whose loop closed, is
/// Errc::abandoned.
class Membership : public std::enable_shared_from_this<Membership> {
 public:
  Membership(GossipHandler& handler, Loop& loop) : handler_(handler), loop_(loop) {}

  void on_unicast(PeerName source, Bytes payload, Reply<std::optional<Bytes>> reply) {
    call(std::move(reply),
         [source,
          payload = std::move(payload)](GossipHandler& handler) -> Result<std::optional<Bytes>> {
           WEFT_TRY(handler.on_unicast(source, payload));
           return std::optional<Bytes>{};
         });
  }
  void on_broadcast(PeerName originator, Bytes payload, Reply<std::optional<Bytes>> reply) {
    call(std::move(reply), [originator, payload = std::move(payload)](GossipHandler& handler) {
      return handler.on_broadcast(originator, payload);
    });
  }
  void on_gossip(Bytes payload, Reply<std::optional<Bytes>> reply) {
    call(std::move(reply), [payload = std::move(payload)](GossipHandler& handler) {
      return handler.on_gossip(payload);
    });
  }
  void complete_state(Reply<Bytes> reply) {
    call(std::move(reply),
         [](GossipHandler& handler) -> Result<Bytes> { return handler.complete_state(); });
  }

  /// On the user's loop: no handler is called from here on.
  void leave() noexcept { is_member_ = false; }

 private:
  template <class T, class Work>
  void call(Reply<T> reply, Work work) {
    loop_.post(
        [self = shared_from_this(), reply = std::move(reply), work = std::move(work)]() mutable {
          if (self->is_member_) {
            reply(work(self->handler_));
          }
        });
  }

  GossipHandler& handler_;
  Loop& loop_;
  bool is_member_ = true;  // the user's loop only
};

}  // namespace weft::gossip
