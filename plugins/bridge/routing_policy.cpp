/// Follows packets to pods through the routing rules.

#include "routing_policy.hpp"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <string_view>

#include <fmt/core.h>

#include <weft/netlink/message.hpp>

namespace weft::bridge {
namespace {

unsigned char number_of(net::Family family) {
  return family == net::Family::v4 ? AF_INET : AF_INET6;
}

void read_address(const nl::Attribute& attribute, net::Cidr& network) {
  if (attribute.value.size() == network.address.bytes().size()) {
    std::ranges::copy(attribute.value, network.address.octets.begin());
  }
}

/// Attributes that leave no packet out. What a later kernel adds is taken for a selector.
bool selects_nothing(std::uint16_t attribute) {
  switch (attribute) {
    case FRA_DST:
    case FRA_PRIORITY:
    case FRA_TABLE:
    case FRA_SUPPRESS_PREFIXLEN:
    case FRA_PROTOCOL:
    case FRA_FLOW:
    case FRA_GOTO:
    case FRA_PAD:
      return true;
    default:
      return false;
  }
}

Rule read_rule(const nlmsghdr& message, const fib_rule_hdr& header, net::Family family) {
  Rule rule{.action = header.action,
            .table = header.table,
            .to = {{family, {}}, header.dst_len},
            .is_partial =
                header.src_len != 0 || header.tos != 0 || (header.flags & FIB_RULE_INVERT) != 0};
  nl::AttributeReader attributes{message, sizeof(fib_rule_hdr)};
  while (const auto attribute = attributes.next()) {
    rule.is_partial = rule.is_partial || !selects_nothing(attribute->type);
    if (attribute->type == FRA_TABLE) {
      rule.table = attribute->number<std::uint32_t>().value_or(rule.table);
    } else if (attribute->type == FRA_PRIORITY) {
      rule.priority = attribute->number<std::uint32_t>().value_or(0);
    } else if (attribute->type == FRA_SUPPRESS_PREFIXLEN) {
      rule.suppressed = attribute->number<int>().value_or(-1);
    } else if (attribute->type == FRA_DST) {
      read_address(*attribute, rule.to);
    }
  }
  return rule;
}

TableRoute read_route(const nlmsghdr& message, const rtmsg& header, net::Family family) {
  TableRoute route{.table = header.rtm_table,
                   .type = header.rtm_type,
                   .destination = {{family, {}}, header.rtm_dst_len}};
  nl::AttributeReader attributes{message, sizeof(rtmsg)};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == RTA_TABLE) {
      route.table = attribute->number<std::uint32_t>().value_or(route.table);
    } else if (attribute->type == RTA_OIF) {
      route.link = attribute->number<int>().value_or(0);
    } else if (attribute->type == RTA_DST) {
      read_address(*attribute, route.destination);
    }
  }
  return route;
}

bool holds(const net::Cidr& outer, const net::Cidr& inner) {
  return outer.prefix_length <= inner.prefix_length && outer.contains(inner.address);
}

/// What two networks that overlap have in common.
const net::Cidr& smaller(const net::Cidr& one, const net::Cidr& other) {
  return one.prefix_length > other.prefix_length ? one : other;
}

std::string text_of(const Rule& rule) {
  return fmt::format("rule {}{}", rule.priority,
                     rule.to.prefix_length == 0 ? "" : " to " + to_string(rule.to));
}

std::string text_of(const net::Cidr& destination) {
  return destination.prefix_length == 0 ? "default" : to_string(destination);
}

bool leads_to_main(const Rule& rule, const net::Cidr& pods) {
  return rule.action == FR_ACT_TO_TBL && rule.table == RT_TABLE_MAIN &&
         rule.suppressed < pods.prefix_length;
}

/// None on most nodes, which spares them a list of all routes.
std::set<std::uint32_t> tables_before_main(const std::vector<Rule>& rules, const net::Cidr& pods) {
  std::set<std::uint32_t> tables;
  for (const Rule& rule : rules) {
    if (!rule.is_partial && holds(rule.to, pods) && leads_to_main(rule, pods)) {
      break;
    }
    if (!rule.is_partial && rule.action == FR_ACT_TO_TBL && rule.to.overlaps(pods) &&
        rule.table != RT_TABLE_MAIN && rule.table != RT_TABLE_LOCAL) {
      tables.insert(rule.table);
    }
  }
  return tables;
}

/// Follows packets from rule to rule. Where they have come to an end, later rules do not matter.
class Walk {
 public:
  Walk(const std::vector<TableRoute>& routes, int bridge, const net::Cidr& pods)
      : routes_(routes), bridge_(bridge), pods_(pods) {}

  void pass(const Rule& rule) {
    const net::Cidr& part = smaller(rule.to, pods_);
    if (rule.is_partial || !rule.to.overlaps(pods_) || has_ended(part)) {
      return;
    }
    switch (rule.action) {
      case FR_ACT_TO_TBL:
        look_up(rule, part);
        break;
      case FR_ACT_BLACKHOLE:
        cut(rule, part, "drops packets");
        break;
      case FR_ACT_UNREACHABLE:
      case FR_ACT_PROHIBIT:
        cut(rule, part, "refuses packets");
        break;
      case FR_ACT_GOTO:
        ended_.push_back(part);  // at least for what follows up to the rule it names
        break;
      default:
        break;
    }
  }

  std::optional<CutOff> result() && {
    return cut_off_.rules.empty() ? std::nullopt : std::optional(std::move(cut_off_));
  }

 private:
  [[nodiscard]] bool has_ended(const net::Cidr& part) const {
    return std::ranges::any_of(ended_, [&](const net::Cidr& end) { return holds(end, part); });
  }

  void cut(const Rule& rule, const net::Cidr& part, std::string_view how) {
    if (cut_off_.rules.empty()) {
      cut_off_.priority = rule.priority;
    }
    cut_off_.rules.push_back(fmt::format("{} {}", text_of(rule), how));
    ended_.push_back(part);
  }

  void look_up(const Rule& rule, const net::Cidr& part) {
    if (leads_to_main(rule, pods_)) {
      ended_.push_back(part);
    } else if (const TableRoute* const route = best_route(rule, part)) {
      if (route->link == bridge_) {
        ended_.push_back(part);
      } else if (route->type != RTN_THROW) {
        cut(rule, part,
            fmt::format("looks up table {}, which routes {}", rule.table,
                        text_of(route->destination)));
      }
    }
  }

  /// The route that all packets to `part` take, but for those with one inside of it.
  [[nodiscard]] const TableRoute* best_route(const Rule& rule, const net::Cidr& part) const {
    const TableRoute* best = nullptr;
    for (const TableRoute& route : routes_) {
      if (route.table == rule.table && holds(route.destination, part) &&
          route.destination.prefix_length > rule.suppressed &&
          (best == nullptr || route.destination.prefix_length > best->destination.prefix_length)) {
        best = &route;
      }
    }
    return best;
  }

  const std::vector<TableRoute>& routes_;
  int bridge_;
  net::Cidr pods_;
  std::vector<net::Cidr> ended_;
  CutOff cut_off_;
};

}  // namespace

Result<std::vector<Rule>> list_rules(nl::Socket& socket, net::Family family) {
  nl::Message message{RTM_GETRULE, NLM_F_DUMP};
  message.extra_header<fib_rule_hdr>().family = number_of(family);
  std::vector<Rule> rules;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        if (const auto* const header = nl::extra_header<fib_rule_hdr>(each)) {
          rules.push_back(read_rule(each, *header, family));
        }
      },
      "list routing rules"));
  return rules;
}

Result<> each_route(nl::Socket& socket, net::Family family,
                    const std::function<void(const TableRoute&)>& visit) {
  nl::Message message{RTM_GETROUTE, NLM_F_DUMP};
  message.extra_header<rtmsg>().rtm_family = number_of(family);
  return socket.query(
      message,
      [&](const nlmsghdr& each) {
        const auto* const header = nl::extra_header<rtmsg>(each);
        if (header != nullptr && (header->rtm_flags & RTM_F_CLONED) == 0) {
          visit(read_route(each, *header, family));
        }
      },
      "list routes of all tables");
}

Result<std::optional<CutOff>> find_cut_off(nl::Socket& socket, int bridge, const net::Cidr& pods) {
  std::vector<Rule> rules;
  WEFT_TRY(rules, list_rules(socket, pods.address.family));
  std::vector<TableRoute> routes;
  if (const std::set<std::uint32_t> tables = tables_before_main(rules, pods); !tables.empty()) {
    WEFT_TRY(each_route(socket, pods.address.family, [&](const TableRoute& route) {
      if (tables.contains(route.table) && route.destination.overlaps(pods)) {
        routes.push_back(route);
      }
    }));
  }
  Walk walk{routes, bridge, pods};
  for (const Rule& rule : rules) {
    walk.pass(rule);
  }
  return std::move(walk).result();
}

}  // namespace weft::bridge
