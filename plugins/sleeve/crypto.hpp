#pragma once
/// Encryption of datagrams, in place, under the keys that a connection uses at the time.
///
/// Generation 0 is Weave Net's secretbox under the connection's session key. Weft peers go on
/// to later generations, each with an AEAD and keys of its own (key_exchange.hpp), whose datagrams
/// differ in the sequence word alone:
///
///   bit 63      the DF class: set when the network may not fragment
///   bits 62..56 0 in generation 0, else 64 + generation mod 64
///   bits 55..0  sequence number, from 0 in generation 0, from first_number in others

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <weft/lane.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/service/overlay.hpp>

#include "datagram.hpp"
#include "datagram_key.hpp"
#include "replay_window.hpp"
#include "secret.hpp"

namespace weft::sleeve {

/// Whether the network may fragment a datagram. Each has its own socket and sequence numbers.
enum class DfClass : std::uint8_t { may_fragment, dont_fragment };
inline constexpr std::size_t df_classes = 2;

/// Datagrams of one DF class that are sealed with one key of an AEAD, at most. No sender reaches it
/// before a key is replaced for its age: that takes 24 million datagrams a second.
inline constexpr std::uint64_t max_datagrams = std::uint64_t{1} << 32U;

/// What datagrams under a key of an AEAD are numbered from. Derived by both ends. 2^51 values make
/// it infeasible for an off-path attacker to guess.
[[nodiscard]] std::uint64_t first_number(const Secret& key);

/// Sequence words, both ends included. By default none.
struct WordRange {
  std::uint64_t from = 1;
  std::uint64_t to = 0;

  bool operator==(const WordRange&) const = default;
};

/// Encrypts what this node sends to one peer.
class Sealer {
 public:
  /// Starts in generation 0. `is_outbound`: this node dialled the TCP connection.
  Sealer(Lanes& lanes, const SessionKey& key, PeerName sender, bool is_outbound);

  /// `packet` is sealed_header_bytes of room followed by clear records. Fills the header with the
  /// DF class's next sequence number and encrypts the records in place. Lanes and the loop.
  ///
  /// When the key's datagrams are used up the packet becomes zeros, which no peer takes.
  void seal(DfClass df_class, std::span<std::byte> packet) noexcept;

  /// Seals with `key`, at most `limit` datagrams of each DF class, numbered from `first`
  /// below 2^51, from now on; the old one is forgotten. On the loop.
  void use(std::uint32_t generation, std::unique_ptr<const DatagramKey> key, std::uint64_t first,
           std::uint64_t limit = max_datagrams);

 private:
  struct Sending;

  PeerName sender_;
  LaneLocal<Sending> sending_;
};

/// Decrypts what this node receives from one peer.
class Opener {
 public:
  enum class Outcome : std::uint8_t {
    opened,
    too_short,
    forged,   ///< or of a generation that is not accepted
    replayed  ///< its number was used; it is not even decrypted
  };

  /// Starts with accepting generation 0.
  Opener(Lanes& lanes, const SessionKey& key, bool is_outbound);

  /// Decrypts the records of a whole datagram in place; after `opened` they start at
  /// sealed_header_bytes. State changes only after authentication. Any lane.
  [[nodiscard]] Outcome open(std::span<std::byte> packet) noexcept;

  /// Accepts `generation` too, whose numbers begin with `first`, and of the others the newest. On
  /// the loop.
  void accept(std::uint32_t generation, std::unique_ptr<const DatagramKey> key,
              std::uint64_t first);
  /// Accepts the newest generation alone. On the loop.
  void forget_old();
  /// Sequence words that datagrams may still have: at most four ranges. Others are refused now and
  /// later. On the loop.
  [[nodiscard]] std::vector<WordRange> fresh() const;

 private:
  struct Receiving;
  /// Newest first; the second may be empty.
  using Accepted = std::array<std::shared_ptr<Receiving>, 2>;

  LaneLocal<Accepted> accepted_;
};

}  // namespace weft::sleeve
