/// Assembles the program. Source: Linux Documentation/bpf/standardization/instruction-set.rst.
#include "sender_filter_program.hpp"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <utility>

#include "datagram.hpp"

namespace weft::sleeve {
namespace {

// What a socket's program sees begins with the UDP header.
constexpr int name_at = 8;
constexpr int word_at = name_at + int{peer_name_bytes};
constexpr int first_record_at = name_at + int{clear_header_bytes};
constexpr int length_in_record = int{record_header_bytes} - 2;
/// Records that are looked at: so many of the shortest frames fill an Ethernet frame of 1,500.
constexpr int max_records = 64;
constexpr int ipv4_source_at = SKF_NET_OFF + 12;
constexpr int ipv6_source_at = SKF_NET_OFF + 8;

// On the stack, which r10 points to the end of.
constexpr int source_on_stack = -int{sizeof(SourceWords)};
constexpr int key_on_stack = source_on_stack - int{sizeof(SenderKey)};
constexpr int index_on_stack = key_on_stack - 8;

enum class Label : std::uint8_t {
  ipv6,
  have_source,
  next_source,
  next_range,
  right_address,
  in_clear,
  is_alone,
  is_sound,
  not_fresh,
  too_short,
  unknown_sender,
  wrong_address,
  bad_length,
  garbage,
  no_frame,
  refuse,
  accept
};

/// Collects instructions; jumps go forward to labels.
class Assembler {
 public:
  void add(int code, int to, int from, int offset, int value) {
    program_.push_back({static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(to & 0xF),
                        static_cast<std::uint8_t>(from & 0xF), static_cast<std::int16_t>(offset),
                        value});
  }

  void set(int to, int value) { add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void copy(int to, int from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void change(int operation, int to, int value) {
    add(BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
  }
  void combine(int operation, int to, int from) {
    add(BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
  }
  /// r0 = the big-endian word or half at `offset` of the packet. Needs the context in r6; spoils r1
  /// to r5; ends the program with 0 beyond the packet's end.
  void load_packet(int size, int offset) { add(BPF_LD | BPF_ABS | size, 0, 0, 0, offset); }
  /// The same at `offset` from where `from` says.
  void load_packet_at(int size, int from, int offset) {
    add(BPF_LD | BPF_IND | size, 0, from, 0, offset);
  }
  void load(int size, int to, int from, int offset) {
    add(BPF_LDX | BPF_MEM | size, to, from, offset, 0);
  }
  void store(int size, int to, int offset, int from) {
    add(BPF_STX | BPF_MEM | size, to, from, offset, 0);
  }
  void store_value(int size, int to, int offset, int value) {
    add(BPF_ST | BPF_MEM | size, to, 0, offset, value);
  }
  /// r0 = the map's value for the key at `offset` of the stack, or null.
  void look_up(int map, int offset) {
    add(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map);
    add(0, 0, 0, 0, 0);  // its second half
    copy(2, 10);
    change(BPF_ADD, 2, offset);
    add(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
  }
  /// Jumps if `reg` is in that relation to `value`.
  void jump_if(int reg, int relation, int value, Label label) {
    jumps_.emplace_back(program_.size(), label);
    add(BPF_JMP | relation | BPF_K, reg, 0, 0, value);
  }
  void jump_if_reg(int reg, int relation, int other, Label label) {
    jumps_.emplace_back(program_.size(), label);
    add(BPF_JMP | relation | BPF_X, reg, other, 0, 0);
  }
  void jump(Label label) {
    jumps_.emplace_back(program_.size(), label);
    add(BPF_JMP | BPF_JA, 0, 0, 0, 0);
  }
  /// Jumps lead here that were added since the label's last place.
  void here(Label label) {
    for (auto at = jumps_.begin(); at != jumps_.end();) {
      if (at->second == label) {
        program_[at->first].off = static_cast<std::int16_t>(program_.size() - at->first - 1);
        at = jumps_.erase(at);
      } else {
        ++at;
      }
    }
  }
  void finish(int result) {
    set(0, result);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }

  std::vector<bpf_insn> program() && { return std::move(program_); }

 private:
  std::vector<bpf_insn> program_;
  std::vector<std::pair<std::size_t, Label>> jumps_;
};

/// Puts the source address on the stack.
void load_source(Assembler& code) {
  code.load(BPF_W, 1, 6, offsetof(__sk_buff, protocol));
  code.jump_if(1, BPF_JEQ, htons(ETH_P_IPV6), Label::ipv6);
  code.load_packet(BPF_W, ipv4_source_at);
  code.store_value(BPF_DW, 10, source_on_stack, 0);
  code.store_value(BPF_W, 10, source_on_stack + 8, 0xFFFF);
  code.store(BPF_W, 10, source_on_stack + 12, 0);
  code.jump(Label::have_source);
  code.here(Label::ipv6);
  for (int word = 0; word < 4; ++word) {
    code.load_packet(BPF_W, ipv6_source_at + 4 * word);
    code.store(BPF_W, 10, source_on_stack + 4 * word, 0);
  }
  code.here(Label::have_source);
}

/// r7 = the sender's rule.
void look_up_rule(Assembler& code, int senders) {
  code.load_packet(BPF_W, name_at);
  code.store(BPF_W, 10, key_on_stack + int{offsetof(SenderKey, name_high)}, 0);
  code.load_packet(BPF_H, name_at + 4);
  code.store(BPF_W, 10, key_on_stack + int{offsetof(SenderKey, name_low)}, 0);
  code.look_up(senders, key_on_stack);
  code.jump_if(0, BPF_JEQ, 0, Label::unknown_sender);
  code.copy(7, 0);
}

void check_source(Assembler& code, int counts, std::uint64_t max_strays) {
  code.load(BPF_W, 1, 7, offsetof(SenderRule, is_anywhere));
  code.jump_if(1, BPF_JNE, 0, Label::right_address);
  for (int source = 0; source < 2; ++source) {
    for (int word = 0; word < 4; ++word) {
      const int offset = source * int{sizeof(SourceWords)} + 4 * word;
      code.load(BPF_W, 1, 7, int{offsetof(SenderRule, sources)} + offset);
      code.load(BPF_W, 2, 10, source_on_stack + 4 * word);
      code.jump_if_reg(1, BPF_JNE, 2, Label::next_source);
    }
    code.jump(Label::right_address);
    code.here(Label::next_source);
  }
  code.store_value(BPF_W, 10, index_on_stack, static_cast<int>(SenderCount::strays));
  code.look_up(counts, index_on_stack);
  code.jump_if(0, BPF_JEQ, 0, Label::right_address);
  code.load(BPF_DW, 1, 0, 0);
  code.jump_if(1, BPF_JGE, static_cast<int>(max_strays), Label::wrong_address);
  code.change(BPF_ADD, 1, 1);
  code.store(BPF_DW, 0, 0, 1);
  code.here(Label::right_address);
}

/// Of sealed datagrams; r9 holds the length from the UDP header on, as in check_records.
void check_word(Assembler& code) {
  code.jump_if(9, BPF_JLT, name_at + int{sealed_header_bytes}, Label::too_short);
  code.load_packet(BPF_W, word_at);
  code.copy(8, 0);
  code.change(BPF_LSH, 8, 32);
  code.load_packet(BPF_W, word_at + 4);
  code.combine(BPF_OR, 8, 0);
  for (std::size_t i = 0; i < SenderRule{}.fresh.size(); ++i) {
    const auto range = static_cast<int>(offsetof(SenderRule, fresh) + i * sizeof(WordRange));
    code.load(BPF_DW, 1, 7, range + int{offsetof(WordRange, from)});
    code.jump_if_reg(8, BPF_JLT, 1, Label::next_range);
    code.load(BPF_DW, 1, 7, range + int{offsetof(WordRange, to)});
    code.jump_if_reg(8, BPF_JLE, 1, Label::is_sound);
    code.here(Label::next_range);
  }
  code.jump(Label::not_fresh);
}

/// Of datagrams in clear. r8 = where the next record begins.
void check_records(Assembler& code) {
  code.load(BPF_W, 1, 6, offsetof(__sk_buff, gso_size));
  code.jump_if(1, BPF_JEQ, 0, Label::is_alone);
  code.change(BPF_ADD, 1, name_at);
  code.jump_if_reg(1, BPF_JGE, 9, Label::is_alone);
  code.copy(9, 1);  // of joined ones, the first
  code.here(Label::is_alone);
  code.set(8, first_record_at);
  for (int record = 0; record < max_records; ++record) {
    code.copy(1, 8);
    code.change(BPF_ADD, 1, int{record_header_bytes});
    code.jump_if_reg(1, BPF_JGT, 9, Label::garbage);
    code.load_packet_at(BPF_H, 8, length_in_record);
    code.jump_if(0, BPF_JLT, int{ethernet_header_bytes}, Label::no_frame);
    code.change(BPF_ADD, 8, int{record_header_bytes});
    code.combine(BPF_ADD, 8, 0);
    code.jump_if_reg(8, BPF_JGT, 9, Label::bad_length);
    code.jump_if_reg(8, BPF_JEQ, 9, Label::is_sound);
  }
}

}  // namespace

std::vector<bpf_insn> sender_filter_program(int senders, int counts, std::uint64_t max_strays) {
  constexpr int reason = 8;
  constexpr std::array<std::pair<Label, SenderCount>, 7> refusals{
      {{Label::not_fresh, SenderCount::not_fresh},
       {Label::bad_length, SenderCount::bad_length},
       {Label::garbage, SenderCount::trailing_garbage},
       {Label::no_frame, SenderCount::no_frame},
       {Label::too_short, SenderCount::short_datagram},
       {Label::wrong_address, SenderCount::wrong_address},
       {Label::unknown_sender, SenderCount::unknown_sender}}};
  Assembler code;
  code.copy(6, 1);
  code.load(BPF_W, 9, 6, offsetof(__sk_buff, len));
  code.jump_if(9, BPF_JLT, name_at + int{clear_header_bytes}, Label::too_short);
  load_source(code);
  look_up_rule(code, senders);
  code.load(BPF_W, 1, 7, offsetof(SenderRule, is_encrypted));
  code.jump_if(1, BPF_JEQ, 0, Label::in_clear);
  check_word(code);
  code.here(Label::in_clear);
  check_records(code);
  code.here(Label::is_sound);
  check_source(code, counts, max_strays);
  code.jump(Label::accept);

  for (const auto& [label, count] : refusals) {
    code.here(label);
    code.set(reason, static_cast<int>(count));
    code.jump(Label::refuse);
  }
  code.here(Label::refuse);
  code.store(BPF_W, 10, index_on_stack, reason);
  code.look_up(counts, index_on_stack);
  code.jump_if(0, BPF_JEQ, 0, Label::accept);
  code.set(1, 1);
  code.add(BPF_STX | BPF_XADD | BPF_DW, 0, 1, 0, 0);
  code.finish(0);

  code.here(Label::accept);
  code.finish(-1);
  return std::move(code).program();
}

}  // namespace weft::sleeve
