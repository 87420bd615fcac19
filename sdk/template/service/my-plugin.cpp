/// Answers questions.

#include "my-plugin.hpp"

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

weft::Result<> MyPlugin::start() {
  // Control commands speak JSON; the parameters are an object, the answer is any value.
  WEFT_TRY(command_, host_.control().serve("my-plugin.ask",
                                           [](std::string params, weft::Reply<std::string> reply) {
                                             reply("{\"asked\":" + params + "}");
                                           }));
  return host_.services().provide<Service>(*this);
}

void MyPlugin::stop() noexcept {
  command_ = {};
}

void MyPlugin::ask(std::string question, weft::Reply<std::string> reply) {
  // Dropping the reply, as happens to what is posted after the plugin stopped, answers
  // Errc::abandoned: an asker never hangs.
  host_.loop().post([question = std::move(question), reply = std::move(reply)]() mutable {
    reply(answer_to(std::move(question)));
  });
}

}  // namespace my_plugin
