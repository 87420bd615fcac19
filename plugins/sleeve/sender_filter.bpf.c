/// The sender filter: the program on sleeve's UDP sockets. It refuses a datagram, and counts why,
///   - that is too short for its headers,
///   - whose sender has no rule,
///   - whose sequence word lies in none of the ranges, or whose records do not fill it or are too
///     short for a frame,
///   - that comes from another address than the rule's, while too many strays came in this period.
/// Of several that the kernel joined it looks at the first one. datagram.hpp has the layout.
///
/// It uses nothing of the running kernel but these parts of its stable interface:
///   SO_ATTACH_BPF, hash and array maps, bpf_map_lookup_elem   Linux 3.19
///   BPF_MAP_TYPE_HASH that allocates when needed              Linux 4.6
///   bpf_skb_load_bytes in socket filters                      Linux 4.11
///   instruction set v2 (jumps by "less than")                 Linux 4.14
///   bpf_skb_load_bytes_relative                               Linux 4.18
///   __sk_buff.gso_size                                        Linux 5.7
/// An older kernel refuses it, and lanes do the work. Where the kernel takes programs without
/// CAP_BPF, it refuses those with loops or more than 4,096 instructions: so loops are unrolled here,
/// and functions inlined.
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sender_filter_layout.h"

enum {
  UDP_HEADER_BYTES = 8,  // with it begins what a socket's program sees
  NAME_AT = UDP_HEADER_BYTES,
  WORD_AT = NAME_AT + SENDER_NAME_BYTES,
  FIRST_RECORD_AT = NAME_AT + SENDER_NAME_BYTES,
  LENGTH_IN_RECORD = SENDER_RECORD_HEADER_BYTES - 2,
  /// Records that are looked at: so many of the shortest frames fill an Ethernet frame of 1,500.
  MAX_RECORDS = 64,
  IPV4_SOURCE_AT = 12,
  IPV6_SOURCE_AT = 8,
};

/// What a check says, unless it is a reason to refuse (enum sender_count).
enum {
  SOUND = -1,
  UNREADABLE = -2,  ///< the kernel has no octets where the length says there are; nobody counts it
};

/// What the program says of a datagram: how many octets of it the socket gets.
enum { REFUSE = 0, ACCEPT = -1 };

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SENDER_LIMIT);
  __type(key, struct sender_key);
  __type(value, struct sender_rule);
} weft_senders SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, SENDER_COUNTS);
  __type(key, __u32);
  __type(value, __u64);
} weft_counts SEC(".maps");

static __always_inline __u64 *count_of(__u32 index) {
  return bpf_map_lookup_elem(&weft_counts, &index);
}

static __always_inline int find_rule(struct __sk_buff *datagram, const struct sender_rule **rule) {
  struct {
    __be32 high;
    __be16 low;
  } name;
  if (bpf_skb_load_bytes(datagram, NAME_AT, &name, SENDER_NAME_BYTES) != 0) {
    return UNREADABLE;
  }
  const struct sender_key key = {bpf_ntohl(name.high), bpf_ntohs(name.low)};
  *rule = bpf_map_lookup_elem(&weft_senders, &key);
  return *rule ? SOUND : SENDER_UNKNOWN;
}

/// Of sealed datagrams: whether the sequence word can still be fresh.
static __always_inline int check_word(struct __sk_buff *datagram, const struct sender_rule *rule) {
  if (datagram->len < UDP_HEADER_BYTES + SENDER_SEALED_HEADER_BYTES) {
    return SENDER_SHORT_DATAGRAM;
  }
  __be64 octets;
  if (bpf_skb_load_bytes(datagram, WORD_AT, &octets, sizeof octets) != 0) {
    return UNREADABLE;
  }
  const __u64 word = bpf_be64_to_cpu(octets);
#pragma unroll
  for (int i = 0; i < SENDER_RANGES; ++i) {
    if (rule->fresh[i].from <= word && word <= rule->fresh[i].to) {
      return SOUND;
    }
  }
  return SENDER_NOT_FRESH;
}

/// Where the datagram ends, of joined ones the first.
static __always_inline __u64 end_of_first(struct __sk_buff *datagram) {
  const __u64 payload_bytes = datagram->gso_size;  // 0: it came alone
  if (payload_bytes != 0 && UDP_HEADER_BYTES + payload_bytes < datagram->len) {
    return UDP_HEADER_BYTES + payload_bytes;
  }
  return datagram->len;
}

/// Of datagrams in clear: whether the records fill it, as far as they are looked at.
static __always_inline int check_records(struct __sk_buff *datagram) {
  const __u64 end = end_of_first(datagram);
  __u64 at = FIRST_RECORD_AT;
#pragma unroll
  for (int record = 0; record < MAX_RECORDS; ++record) {
    if (at + SENDER_RECORD_HEADER_BYTES > end) {
      return SENDER_TRAILING_GARBAGE;
    }
    __be16 octets;
    if (bpf_skb_load_bytes(datagram, at + LENGTH_IN_RECORD, &octets, sizeof octets) != 0) {
      return UNREADABLE;
    }
    const __u64 frame_bytes = bpf_ntohs(octets);
    if (frame_bytes < ETH_HLEN) {
      return SENDER_NO_FRAME;
    }
    at += SENDER_RECORD_HEADER_BYTES + frame_bytes;
    if (at > end) {
      return SENDER_BAD_LENGTH;
    }
    if (at == end) {
      return SOUND;
    }
  }
  return SOUND;
}

static __always_inline int load_ipv4_source(struct __sk_buff *datagram, __u32 *words) {
  __be32 address;
  if (bpf_skb_load_bytes_relative(datagram, IPV4_SOURCE_AT, &address, sizeof address,
                                  BPF_HDR_START_NET) != 0) {
    return UNREADABLE;
  }
  words[0] = 0;
  words[1] = 0;
  words[2] = 0xFFFF;
  words[3] = bpf_ntohl(address);
  return SOUND;
}

static __always_inline int load_ipv6_source(struct __sk_buff *datagram, __u32 *words) {
  __be32 address[4];
  if (bpf_skb_load_bytes_relative(datagram, IPV6_SOURCE_AT, address, sizeof address,
                                  BPF_HDR_START_NET) != 0) {
    return UNREADABLE;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    words[i] = bpf_ntohl(address[i]);
  }
  return SOUND;
}

static __always_inline int is_same(const struct sender_source *a, const struct sender_source *b) {
  return a->words[0] == b->words[0] && a->words[1] == b->words[1] && a->words[2] == b->words[2] &&
         a->words[3] == b->words[3];
}

/// A peer may have moved to another address. So the first strays of a period pass.
static __always_inline int check_source(struct __sk_buff *datagram,
                                        const struct sender_rule *rule) {
  if (rule->is_anywhere) {
    return SOUND;
  }
  struct sender_source source;
  const int loaded = datagram->protocol == bpf_htons(ETH_P_IPV6)
                         ? load_ipv6_source(datagram, source.words)
                         : load_ipv4_source(datagram, source.words);
  if (loaded != SOUND) {
    return loaded;
  }
#pragma unroll
  for (int i = 0; i < SENDER_SOURCES; ++i) {
    if (is_same(&rule->sources[i], &source)) {
      return SOUND;
    }
  }
  __u64 *const strays = count_of(SENDER_STRAYS);
  if (!strays) {
    return SOUND;
  }
  if (*strays >= SENDER_STRAYS_PER_PERIOD) {
    return SENDER_WRONG_ADDRESS;
  }
  ++*strays;  // those that two CPUs count at the same time may be one
  return SOUND;
}

static __always_inline int check(struct __sk_buff *datagram) {
  if (datagram->len < UDP_HEADER_BYTES + SENDER_NAME_BYTES) {
    return SENDER_SHORT_DATAGRAM;
  }
  const struct sender_rule *rule;
  const int found = find_rule(datagram, &rule);
  if (found != SOUND) {
    return found;
  }
  const int body = rule->is_encrypted ? check_word(datagram, rule) : check_records(datagram);
  return body == SOUND ? check_source(datagram, rule) : body;
}

SEC("socket")
int weft_filter(struct __sk_buff *datagram) {
  const int reason = check(datagram);
  if (reason == SOUND) {
    return ACCEPT;
  }
  __u64 *const count = reason == UNREADABLE ? 0 : count_of(reason);
  if (count) {
    __sync_fetch_and_add(count, 1);
  }
  return REFUSE;
}

char LICENSE[] SEC("license") = "Apache-2.0";
