#pragma once
/// The way from the mesh, which may call from any control thread, to an overlay's loop.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include <weft/loop.hpp>
#include <weft/service/overlay.hpp>

namespace weft::overlay {

/// An overlay's part of one connection. On the overlay's loop, except where noted.
class Session {
 public:
  virtual ~Session() = default;

  /// The mesh accepted the connection: begin. Called once, if at all.
  virtual void confirm() = 0;
  /// A control message from the remote, maybe before `confirm`. Foreign bytes: check them.
  virtual void on_control(std::uint8_t subtag, ByteView body) = 0;
  /// The mesh dropped the connection, or the overlay stops: nothing is sent or reported any more.
  /// The last call.
  virtual void end() noexcept = 0;

  /// Any thread. Constant, never null.
  [[nodiscard]] virtual std::shared_ptr<Forwarder> forwarder() = 0;
  /// Any thread.
  [[nodiscard]] virtual OverlayStatus status() const = 0;
};

/// The sessions of an overlay: what Overlay::prepare answers, and those that the mesh confirmed.
/// Calls of the mesh are carried out on the loop in their order. Once `stop` has returned no
/// session is called any more, however long the mesh holds its connections. Used and destroyed on
/// the loop, except for `connect`.
template <std::derived_from<Session> S, class Key = std::uint64_t>
class Sessions {
 public:
  explicit Sessions(Loop& loop) : state_(std::make_shared<State>(loop)) {}
  ~Sessions() { stop(); }
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  /// The connection that the mesh gets. `key` finds the session later; where several sessions
  /// have one, the last that was confirmed. Any control thread.
  [[nodiscard]] std::unique_ptr<OverlayConnection> connect(const Key& key,
                                                           std::shared_ptr<S> session) {
    return std::make_unique<Connection>(state_, key, std::move(session));
  }

  /// Ends every session.
  void stop() noexcept {
    state_->is_open = false;
    for (const auto& [key, session] : std::exchange(state_->confirmed, {})) {
      session->end();
    }
  }

  /// Those that are confirmed and have not ended, by key.
  [[nodiscard]] const std::multimap<Key, std::shared_ptr<S>>& all() const noexcept {
    return state_->confirmed;
  }
  /// One of them; null when there is none.
  [[nodiscard]] std::shared_ptr<S> find(const Key& key) const {
    const auto after = state_->confirmed.upper_bound(key);
    const bool is_there = after != state_->confirmed.begin() && std::prev(after)->first == key;
    return is_there ? std::prev(after)->second : nullptr;
  }

 private:
  struct State {
    explicit State(Loop& its_loop) : loop(its_loop) {}

    void confirm(const Key& key, const std::shared_ptr<S>& session) {
      if (is_open && at(key, session) == confirmed.end()) {
        confirmed.emplace(key, session);
        session->confirm();
      }
    }
    void end(const Key& key, const std::shared_ptr<S>& session) noexcept {
      if (!is_open) {
        return;
      }
      if (const auto entry = at(key, session); entry != confirmed.end()) {
        confirmed.erase(entry);
      }
      session->end();
    }
    auto at(const Key& key, const std::shared_ptr<S>& session) {
      const auto [first, last] = confirmed.equal_range(key);
      const auto entry =
          std::find_if(first, last, [&](const auto& each) { return each.second == session; });
      return entry != last ? entry : confirmed.end();
    }

    Loop& loop;
    bool is_open = true;
    std::multimap<Key, std::shared_ptr<S>> confirmed;
  };

  class Connection final : public OverlayConnection {
   public:
    Connection(std::shared_ptr<State> state, const Key& key, std::shared_ptr<S> session)
        : state_(std::move(state)), key_(key), session_(std::move(session)) {}
    ~Connection() override {
      state_->loop.post(
          [state = state_, key = key_, session = session_] { state->end(key, session); });
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void confirm() override {
      state_->loop.post(
          [state = state_, key = key_, session = session_] { state->confirm(key, session); });
    }
    void on_control(std::uint8_t subtag, ByteView body) override {
      state_->loop.post(
          [state = state_, session = session_, subtag, copy = Bytes(body.begin(), body.end())] {
            if (state->is_open) {
              session->on_control(subtag, copy);
            }
          });
    }
    [[nodiscard]] std::shared_ptr<Forwarder> forwarder() const override {
      return session_->forwarder();
    }
    [[nodiscard]] OverlayStatus status() const override { return session_->status(); }

   private:
    std::shared_ptr<State> state_;
    Key key_;
    std::shared_ptr<S> session_;
  };

  std::shared_ptr<State> state_;
};

}  // namespace weft::overlay
