/// Compiles statements into the register machine of nftables: load, mask, compare, act.

#include "expression.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <net/if.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <variant>

#include "fields.hpp"

namespace weft::nft {
namespace {

// Sixteen octets, of which NFT_REG32_00 is the first four.
constexpr std::uint32_t data_register = NFT_REG_1;
constexpr std::uint32_t reply_states =
    NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);

/// Appends expressions to one rule.
class Compiler {
 public:
  explicit Compiler(nftnl_rule& rule) : rule_(rule) {}

  void operator()(const AddressIn& match) {
    const net::Cidr network = match.network.network();
    load(field(match.side, network.address), data_register);
    Bytes mask(network.address.bytes().size());
    if (network.prefix_length < mask.size() * 8) {
      for (std::size_t bit = 0; bit < network.prefix_length; ++bit) {
        mask[bit / 8] |= std::byte{0x80} >> (bit % 8);
      }
      and_with(mask);
    }
    compare(match.is_negated ? NFT_CMP_NEQ : NFT_CMP_EQ, network.address.bytes());
  }

  void operator()(const FieldsInSet& match) {
    load_key(match.fields);
    nftnl_expr& lookup = look_up(match.set);
    if (match.is_negated) {
      nftnl_expr_set_u32(&lookup, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    }
  }

  void operator()(const VerdictOf& match) {
    load_key(match.fields);
    nftnl_expr_set_u32(&look_up(match.map), NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
  }

  void operator()(const FieldIs& match) {
    load(match.field, data_register);
    if (!match.mask.empty()) {
      and_with(match.mask);
    }
    compare(NFT_CMP_EQ, match.value);
  }

  void operator()(const AddToSet& action) {
    load(action.field, data_register);
    nftnl_expr& dynset = append("dynset");
    nftnl_expr_set_u32(&dynset, NFTNL_EXPR_DYNSET_SREG_KEY, data_register);
    nftnl_expr_set_u32(&dynset, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_ADD);
    nftnl_expr_set_str(&dynset, NFTNL_EXPR_DYNSET_SET_NAME, action.set.c_str());
  }

  void operator()(const IsFamily& match) {
    const std::uint8_t family = match.family == net::Family::v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    load_meta(NFT_META_NFPROTO);
    compare(NFT_CMP_EQ, std::as_bytes(std::span{&family, 1}));
  }

  void operator()(const Protocol& match) {
    load_meta(NFT_META_L4PROTO);
    compare(NFT_CMP_EQ, std::as_bytes(std::span{&match.number, 1}));
  }

  void operator()(const Interface& match) {
    load_meta(match.direction == Direction::in ? NFT_META_IIFNAME : NFT_META_OIFNAME);
    std::array<char, IFNAMSIZ> name{};
    const std::size_t length = match.name.copy(name.data(), name.size() - 1);
    compare(match.is_negated ? NFT_CMP_NEQ : NFT_CMP_EQ,
            std::as_bytes(std::span{name}).first(match.is_prefix ? length : name.size()));
  }

  void operator()(const IsReply&) { tracked_with(NFT_CT_STATE, reply_states); }
  void operator()(const IsDestinationTranslated&) { tracked_with(NFT_CT_STATUS, IPS_DST_NAT); }

  void operator()(const IsReplyForIptables&) {
    // libnftnl frees the match's data with free().
    auto* const info =
        static_cast<xt_conntrack_mtinfo3*>(allocated(std::calloc(1, sizeof(xt_conntrack_mtinfo3))));
    info->match_flags = XT_CONNTRACK_STATE;
    info->state_mask = static_cast<std::uint16_t>(reply_states);
    nftnl_expr& match = append("match");
    nftnl_expr_set_str(&match, NFTNL_EXPR_MT_NAME, "conntrack");
    nftnl_expr_set_u32(&match, NFTNL_EXPR_MT_REV, 3);
    nftnl_expr_set(&match, NFTNL_EXPR_MT_INFO, info, sizeof *info);
  }

  void operator()(const LacksMark& match) {
    constexpr std::uint32_t none = 0;
    load_meta(NFT_META_MARK);
    and_with(std::as_bytes(std::span{&match.bits, 1}));
    compare(NFT_CMP_EQ, std::as_bytes(std::span{&none, 1}));
  }

  void operator()(const SetMark& action) {
    const std::uint32_t others = ~action.bits;
    load_meta(NFT_META_MARK);
    and_with(std::as_bytes(std::span{&others, 1}), action.bits);
    nftnl_expr& meta = append("meta");
    nftnl_expr_set_u32(&meta, NFTNL_EXPR_META_KEY, NFT_META_MARK);
    nftnl_expr_set_u32(&meta, NFTNL_EXPR_META_SREG, data_register);
  }

  void operator()(const IsWithoutIpsec& match) {
    if (match.direction == Direction::in) {
      load_meta(NFT_META_SECPATH);
    } else {
      nftnl_expr& route = append("rt");
      nftnl_expr_set_u32(&route, NFTNL_EXPR_RT_KEY, NFT_RT_XFRM);
      nftnl_expr_set_u32(&route, NFTNL_EXPR_RT_DREG, data_register);
    }
    constexpr std::byte no{0};
    compare(NFT_CMP_EQ, {&no, 1});
  }

  void operator()(const Count&) {
    nftnl_expr& counter = append("counter");
    nftnl_expr_set_u64(&counter, NFTNL_EXPR_CTR_PACKETS, 0);
    nftnl_expr_set_u64(&counter, NFTNL_EXPR_CTR_BYTES, 0);
  }

  void operator()(const Verdict& verdict) { decide(number_of(verdict)); }
  void operator()(const Jump& jump) { decide(NFT_JUMP, &jump.chain); }
  void operator()(const Goto& jump) { decide(NFT_GOTO, &jump.chain); }

  void operator()(const Masquerade&) {
    // Every kernel with nf_tables NAT (3.18) has the flag (3.14).
    nftnl_expr_set_u32(&append("masq"), NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
  }

 private:
  /// What connection tracking says has one of the bits.
  void tracked_with(nft_ct_keys key, std::uint32_t bits) {
    nftnl_expr& ct = append("ct");
    nftnl_expr_set_u32(&ct, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(&ct, NFTNL_EXPR_CT_DREG, data_register);
    constexpr std::uint32_t none = 0;
    and_with(std::as_bytes(std::span{&bits, 1}));
    compare(NFT_CMP_NEQ, std::as_bytes(std::span{&none, 1}));
  }

  void decide(int verdict, const std::string* chain = nullptr) {
    nftnl_expr& immediate = append("immediate");
    nftnl_expr_set_u32(&immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(&immediate, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(verdict));
    if (chain != nullptr) {
      nftnl_expr_set_str(&immediate, NFTNL_EXPR_IMM_CHAIN, chain->c_str());
    }
  }

  nftnl_expr& append(const char* kind) {
    nftnl_expr* const expression = allocated(nftnl_expr_alloc(kind));
    nftnl_rule_add_expr(&rule_, expression);
    return *expression;
  }

  static Field field(Side side, const net::IpAddress& address) {
    if (address.is_v4()) {
      return side == Side::source ? Field::source_address : Field::destination_address;
    }
    return side == Side::source ? Field::ip6_source : Field::ip6_destination;
  }

  /// Consecutive registers of four octets are one key; the first is data_register's beginning.
  void load_key(const std::vector<Field>& fields) {
    std::uint32_t reg = NFT_REG32_00;
    for (const Field field : fields) {
      load(field, reg);
      reg += static_cast<std::uint32_t>(padded_bytes_of(field) / register_bytes);
    }
  }

  void load(Field field, std::uint32_t into) {
    const Place place = place_of(field);
    if (place.is_meta) {
      load_meta(static_cast<nft_meta_keys>(place.where), into);
      return;
    }
    nftnl_expr& payload = append("payload");
    nftnl_expr_set_u32(&payload, NFTNL_EXPR_PAYLOAD_BASE, place.where);
    nftnl_expr_set_u32(&payload, NFTNL_EXPR_PAYLOAD_OFFSET, place.offset);
    nftnl_expr_set_u32(&payload, NFTNL_EXPR_PAYLOAD_LEN, place.bytes);
    nftnl_expr_set_u32(&payload, NFTNL_EXPR_PAYLOAD_DREG, into);
  }

  void load_meta(nft_meta_keys key, std::uint32_t into = data_register) {
    nftnl_expr& meta = append("meta");
    nftnl_expr_set_u32(&meta, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(&meta, NFTNL_EXPR_META_DREG, into);
  }

  nftnl_expr& look_up(const std::string& set) {
    nftnl_expr& lookup = append("lookup");
    nftnl_expr_set_u32(&lookup, NFTNL_EXPR_LOOKUP_SREG, data_register);
    nftnl_expr_set_str(&lookup, NFTNL_EXPR_LOOKUP_SET, set.c_str());
    return lookup;
  }

  /// `sets`: bits to set afterwards, which `mask`, then of four octets, clears.
  void and_with(ByteView mask, std::uint32_t sets = 0) {
    const auto bytes = static_cast<std::uint32_t>(mask.size());
    std::array<std::uint32_t, 4> bits{sets};
    nftnl_expr& bitwise = append("bitwise");
    nftnl_expr_set_u32(&bitwise, NFTNL_EXPR_BITWISE_SREG, data_register);
    nftnl_expr_set_u32(&bitwise, NFTNL_EXPR_BITWISE_DREG, data_register);
    nftnl_expr_set_u32(&bitwise, NFTNL_EXPR_BITWISE_LEN, bytes);
    nftnl_expr_set(&bitwise, NFTNL_EXPR_BITWISE_MASK, mask.data(), bytes);
    nftnl_expr_set(&bitwise, NFTNL_EXPR_BITWISE_XOR, bits.data(), bytes);
  }

  void compare(nft_cmp_ops operation, ByteView value) {
    nftnl_expr& compare = append("cmp");
    nftnl_expr_set_u32(&compare, NFTNL_EXPR_CMP_SREG, data_register);
    nftnl_expr_set_u32(&compare, NFTNL_EXPR_CMP_OP, operation);
    nftnl_expr_set(&compare, NFTNL_EXPR_CMP_DATA, value.data(),
                   static_cast<std::uint32_t>(value.size()));
  }

  nftnl_rule& rule_;
};

}  // namespace

int number_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::accept:
      return NF_ACCEPT;
    case Verdict::drop:
      return NF_DROP;
    case Verdict::return_:
      break;
  }
  return NFT_RETURN;
}

RulePtr compile(const Rule& rule) {
  RulePtr compiled{allocated(nftnl_rule_alloc())};
  Compiler compiler{*compiled};
  for (const Statement& statement : rule.statements) {
    std::visit(compiler, statement);
  }
  if (!rule.comment.empty()) {
    const UdataPtr data{allocated(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN))};
    nftnl_udata_put_strz(data.get(), NFTNL_UDATA_RULE_COMMENT, rule.comment.c_str());
    nftnl_rule_set_data(compiled.get(), NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data.get()),
                        nftnl_udata_buf_len(data.get()));
  }
  return compiled;
}

}  // namespace weft::nft
