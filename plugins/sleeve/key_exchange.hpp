#pragma once
/// When and how two weft peers go on to fresh keys. A pure state machine, as Path is: every input
/// carries the time and returns what to do.
///
/// The side that dialled the TCP connection offers, the other answers; both then have the keys of
/// the next generation. Each side accepts a generation before the other can send it:
///
///   dialler                              acceptor
///   key_offer g+1  --------------------> makes keys, accepts g+1
///   makes keys, accepts and sends g+1 <- key_answer g+1
///   keys_in_use g+1 -------------------> sends g+1
///
/// A message is repeated until its answer comes. Peers that answer no first offer stay in
/// generation 0, Weave Net's encryption.
///
/// The times are WireGuard's. Source: Donenfeld, "WireGuard: Next Generation Kernel Network
/// Tunnel", section 6.1.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include <weft/bytes.hpp>
#include <weft/loop.hpp>
#include <weft/result.hpp>
#include <weft/service/overlay.hpp>

#include "action.hpp"
#include "key_chain.hpp"

namespace weft::sleeve {

/// A generation older than this is followed by the next.
inline constexpr Duration rekey_after_time = std::chrono::seconds{120};
/// A generation older than this is not used any more: the connection fails.
inline constexpr Duration reject_after_time = std::chrono::seconds{180};
/// For so long the generation before is accepted too: nothing that was sent by the rules is lost.
inline constexpr Duration overlap_time = reject_after_time - rekey_after_time;
/// Messages are repeated after this long without an answer.
inline constexpr Duration rekey_timeout = std::chrono::seconds{5};
/// So often a first offer is made to a peer that may not know what to do with it.
inline constexpr unsigned first_offers = 18;

/// Used on one thread.
class KeyExchange {
 public:
  struct Config {
    bool is_dialler = false;
    CipherSet ciphers;  ///< that this side can use
    KeyContext context;
    SessionKey session_key{};
    /// Fills with random octets fit for keys.
    std::function<void(std::span<std::byte>)> random;
  };

  explicit KeyExchange(const Config& config);

  /// The connection is wanted: the dialler offers.
  [[nodiscard]] Actions begin(TimePoint now);
  [[nodiscard]] static bool is_about_keys(std::uint8_t subtag) noexcept;
  /// Foreign bytes, of a sub-tag that is about keys. Errors: Errc::malformed and Errc::invalid, to
  /// be counted; nothing changes then.
  [[nodiscard]] Result<Actions> on_control(std::uint8_t subtag, ByteView body, TimePoint now);
  [[nodiscard]] Actions on_timer(TimePoint now);
  /// When on_timer wants to be called.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;

  /// That this side sends.
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  /// Of that generation; nothing in generation 0.
  [[nodiscard]] std::optional<Cipher> cipher() const noexcept { return cipher_; }

 private:
  /// An answer of ours that the dialler has not confirmed.
  struct Answered {
    KeyOffer offer;
    KeyAnswer answer;
    Secret from_acceptor;
    TimePoint made;
  };

  void offer(TimePoint now, Actions& actions);
  void send_offer(TimePoint now, Actions& actions);
  void send_answer(TimePoint now, Actions& actions);
  [[nodiscard]] Result<Actions> on_offer(const KeyOffer& offer, TimePoint now);
  [[nodiscard]] Result<Actions> on_answer(const KeyAnswer& answer, TimePoint now);
  [[nodiscard]] Result<Actions> on_in_use(const KeysInUse& in_use, TimePoint now);
  void confirmed(TimePoint now, Actions& actions);
  /// This side sends `generation` from now on, with keys that were made at `made`.
  void go_on(std::uint32_t generation, Cipher cipher, const Secret& key, TimePoint made,
             Actions& actions);

  Config config_;  // without the key
  KeyChain chain_;
  std::uint32_t generation_ = 0;
  std::optional<Cipher> cipher_;
  std::optional<KeyPair> offered_;    // the dialler's, until it is answered
  std::optional<Answered> answered_;  // the acceptor's
  unsigned offers_ = 0;               // of the same, so far

  std::optional<TimePoint> rekey_due_;
  std::optional<TimePoint> repeat_due_;
  std::optional<TimePoint> forget_due_;
  std::optional<TimePoint> reject_due_;
};

}  // namespace weft::sleeve
