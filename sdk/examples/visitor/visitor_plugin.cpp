/// Passes a question on to the greeter, and its answer back.

#include "visitor_plugin.hpp"

#include <utility>

#include "json_text.hpp"

namespace example {

void VisitorPlugin::describe(weft::Schema& schema) {
  schema.field("name", name_, "Who is greeted.");
  schema.field("language", language_,
               "In which language, where the greeter speaks several: an ISO 639 code.");
}

weft::Result<> VisitorPlugin::start() {
  WEFT_TRY(greeter_, host_.services().require<Greeter>());
  greeter2_ = host_.services().optional<Greeter2>();
  WEFT_TRY(visit_, host_.control().serve(
                       {"visitor.visit", "Has itself greeted, and says how.", "string"},
                       [this](weft::Reply<std::string> answer) { visit(std::move(answer)); }));
  return {};
}

void VisitorPlugin::visit(weft::Reply<std::string> answer) {
  weft::Reply<std::string> reply(
      host_.loop(), [answer = std::move(answer)](weft::Result<std::string> greeting) mutable {
        answer(std::move(greeting).map(json_text));
      });
  if (greeter2_ != nullptr) {
    greeter2_->greet_in(language_, name_, std::move(reply));
  } else {
    greeter_->greet(name_, std::move(reply));
  }
}

}  // namespace example
