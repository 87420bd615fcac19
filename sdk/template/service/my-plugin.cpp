/// Answers questions.

#include "my-plugin.hpp"

#include <weft/answer_on.hpp>
#include <weft/json.hpp>

#include <utility>

namespace my_plugin {

weft::Result<std::string> answer_to(std::string question) {
  if (question.empty()) {
    return weft::fail(weft::Errc::invalid, "answer: the question is empty");
  }
  for (char& c : question) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return question;
}

void AskParameters::describe(weft::Schema& schema) {
  schema.required("question", question, "What is asked.");
}

weft::Result<> MyPlugin::start() {
  // Parameters are declared as configuration is; the answer is any JSON value.
  WEFT_TRY(command_, host_.control().serve<AskParameters>(
                         {"my-plugin.ask", "Answers a question.", "string"},
                         [](AskParameters given, weft::Reply<std::string> reply) {
                           reply(answer_to(std::move(given.question)).map([](const auto& answer) {
                             return weft::json_string(answer);
                           }));
                         }));
  return host_.services().provide<Service>(*this);
}

void MyPlugin::stop() noexcept {
  command_ = {};
}

void MyPlugin::ask(std::string question, weft::Reply<std::string> reply) {
  // Dropping the reply, as happens to what is posted after the plugin stopped, answers
  // Errc::abandoned: an asker never hangs.
  weft::answer_on(host_.loop(), std::move(reply), [question = std::move(question)]() mutable {
    return answer_to(std::move(question));
  });
}

}  // namespace my_plugin
