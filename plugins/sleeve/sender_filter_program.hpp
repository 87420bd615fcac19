#pragma once
/// The instructions of the sender filter, and the layout of its maps.

#include <linux/bpf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crypto.hpp"

namespace weft::sleeve {

/// Key of the map of senders. In host order, as the program loads words.
struct SenderKey {
  std::uint32_t name_high = 0;  ///< the first four octets
  std::uint32_t name_low = 0;   ///< the other two
};

/// An IPv4 address as an IPv6 one (::ffff:a.b.c.d), in words of host order.
using SourceWords = std::array<std::uint32_t, 4>;

/// Value of the map of senders.
struct SenderRule {
  std::uint32_t is_anywhere = 0;   ///< 1: may come from any address
  std::uint32_t is_encrypted = 0;  ///< 1: then `fresh` counts, else the lengths of the records
  std::array<SourceWords, 2> sources{};
  std::array<WordRange, 4> fresh{};
};

/// Index of the map of counts, whose values are std::uint64_t.
enum class SenderCount : std::uint32_t {
  strays,
  short_datagram,
  unknown_sender,
  wrong_address,
  not_fresh,
  bad_length,
  trailing_garbage,
  no_frame,
  count_
};

/// The program, for sockets of UDP. It refuses a datagram, and counts why,
///   - that is too short for its headers,
///   - whose sender has no rule,
///   - whose sequence word lies in none of the ranges, or whose records do not fill it or are too
///     short for a frame,
///   - that comes from another address than the rule's, while `strays` is `max_strays`.
/// Of several that the kernel joined it looks at the first one.
[[nodiscard]] std::vector<bpf_insn> sender_filter_program(int senders, int counts,
                                                          std::uint64_t max_strays);

}  // namespace weft::sleeve
