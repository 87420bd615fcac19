/// Puts together what was read and what was counted.

#include "checks.hpp"

#include <linux/netfilter.h>

#include <algorithm>

#include <fmt/format.h>

#include "remedy.hpp"

namespace weft::nat {
namespace {

constexpr const char* check_name = "forwarding";

/// Whether what vanishes at `loss` may vanish in a base chain. Where iptables sees frames of
/// bridges before the bridge does, they count as having come in.
bool may_drop(const std::string& table, const firewall::BaseChain& base, const Loss& loss) {
  if (sees_packets(table)) {
    return base.hook == loss.hook;
  }
  return table.starts_with("bridge ") && loss.hook == NF_INET_PRE_ROUTING &&
         (base.hook == NF_INET_PRE_ROUTING || base.hook == NF_INET_LOCAL_IN);
}

/// "'inet filter forward' (priority 0), ...".
std::string chains_at(const Loss& loss, const std::vector<HookedChain>& chains) {
  std::vector<std::string> texts;
  for (const HookedChain& chain : chains) {
    if (may_drop(chain.table, chain.base, loss)) {
      texts.push_back(
          fmt::format("'{} {}' (priority {})", chain.table, chain.base.name, chain.base.priority));
    }
  }
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::string text_of(const Loss& loss) {
  return fmt::format(
      "{} {} in hook {}{}", phrase_of(loss.traffic),
      loss.traffic == Traffic::answers_to_pods || loss.traffic == Traffic::answers_to_node
          ? "vanish"
          : "vanishes",
      name_of_hook(loss.hook), loss.hook == NF_INET_PRE_ROUTING ? " or in the routing" : "");
}

const Finding* explanation_of(const Loss& loss, const Survey& survey) {
  const auto found = std::ranges::find_if(survey.findings, [&](const Finding& finding) {
    return may_drop(finding.table, finding.base, loss) && finding.traffic.contains(loss.traffic);
  });
  return found == survey.findings.end() ? nullptr : &*found;
}

doctor::Check check_of(const Finding& finding, const Survey& survey,
                       const std::vector<Loss>& losses) {
  using doctor::State;
  doctor::Check check{check_name, finding.is_wrong() ? State::wrong : State::note,
                      describe(finding), remedy(finding, survey.scene)};
  if (finding.drop.is_about_pods) {
    check.text += "; it is written for pods";
    check.remedy.clear();
  }
  for (const Loss& loss : losses) {
    if (explanation_of(loss, survey) == &finding) {
      check.state = State::wrong;
      check.text += fmt::format("; of {}, {}", phrase_of(loss.traffic), describe(loss));
      check.remedy = remedy(finding, survey.scene);
    }
  }
  return check;
}

doctor::Check check_of(const Loss& loss, const Survey& survey) {
  return {check_name, doctor::State::wrong,
          fmt::format("{}: {}; chains there: {}", text_of(loss), describe(loss),
                      chains_at(loss, survey.chains)),
          "if nobody means to drop it, see which rule does: " +
              how_to_trace(loss, survey.scene.bridge)};
}

std::vector<doctor::Check> checks_of(const Survey& survey, const std::vector<Loss>& losses) {
  using doctor::State;
  std::vector<doctor::Check> checks;
  for (const Finding& finding : survey.findings) {
    checks.push_back(check_of(finding, survey, losses));
  }
  for (const Loss& loss : losses) {
    if (explanation_of(loss, survey) == nullptr) {
      checks.push_back(check_of(loss, survey));
    }
  }
  for (const std::string& unknown : survey.unknown) {
    checks.push_back(
        {check_name, State::note, unknown, "look yourself whether they let pods' traffic pass"});
  }
  if (checks.empty()) {
    checks.push_back({check_name, State::ok,
                      survey.scene.networks.empty()
                          ? "no network of pods is exposed yet"
                          : "no packet filter of this host drops traffic of pods as a rule"});
  }
  return checks;
}

}  // namespace weft::nat
