#pragma once
/// What the sender filter's program (sender_filter.bpf.c) and the plugin (sender_filter.cpp) agree
/// on: layouts of datagrams and of the maps. Plain C, for both.

#include <linux/types.h>

/// The datagram's, as in datagram.hpp.
enum {
  SENDER_NAME_BYTES = 6,
  SENDER_SEALED_HEADER_BYTES = 30,
  SENDER_RECORD_HEADER_BYTES = 14,
};

enum {
  /// Datagrams from addresses that are not the sender's, which pass in a period.
  SENDER_STRAYS_PER_PERIOD = 20000,
  /// Senders at most. Each takes memory only when it is there.
  SENDER_LIMIT = 1 << 16,
};

/// Key of the map of senders: a peer's name. In host order, as are all integers here.
struct sender_key {
  __u32 name_high;  ///< the first four octets
  __u32 name_low;   ///< the other two
};

/// An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d.
struct sender_source {
  __u32 words[4];
};

/// Sequence words, both ends included.
struct sender_range {
  __u64 from;
  __u64 to;
};

enum {
  SENDER_SOURCES = 2,
  SENDER_RANGES = 4,
};

/// Value of the map of senders.
struct sender_rule {
  __u32 is_anywhere;   ///< 1: may come from any address
  __u32 is_encrypted;  ///< 1: then `fresh` counts, else the lengths of the records
  struct sender_source sources[SENDER_SOURCES];
  struct sender_range fresh[SENDER_RANGES];  ///< those that hold no word have `from` > `to`
};

/// Index of the map of counts, whose values are 64 bits wide.
enum sender_count {
  SENDER_STRAYS,  ///< of this period; no reason to refuse
  SENDER_SHORT_DATAGRAM,
  SENDER_UNKNOWN,
  SENDER_WRONG_ADDRESS,
  SENDER_NOT_FRESH,
  SENDER_BAD_LENGTH,
  SENDER_TRAILING_GARBAGE,
  SENDER_NO_FRAME,
  SENDER_COUNTS
};
