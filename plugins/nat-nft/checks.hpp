#pragma once
/// What `weft doctor` says about packet filters: what their rules drop, and what is seen to vanish.

#include <string>
#include <vector>

#include "common/doctor/check.hpp"
#include "passages.hpp"
#include "survey.hpp"

namespace weft::nat {

/// Never empty.
[[nodiscard]] std::vector<doctor::Check> checks_of(const Survey& survey,
                                                   const std::vector<Loss>& losses);

/// A finding, and whether something is seen to vanish by it. A rule that is written for pods is
/// noted until then.
[[nodiscard]] doctor::Check check_of(const Finding& finding, const Survey& survey,
                                     const std::vector<Loss>& losses);
/// A loss that no finding explains.
[[nodiscard]] doctor::Check check_of(const Loss& loss, const Survey& survey);

/// The finding of `survey` that explains a loss; null when there is none.
[[nodiscard]] const Finding* explanation_of(const Loss& loss, const Survey& survey);

/// "what pods send to the outside vanishes in hook forward".
[[nodiscard]] std::string text_of(const Loss& loss);

}  // namespace weft::nat
