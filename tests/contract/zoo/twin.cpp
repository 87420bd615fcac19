/// Provides both versions of zoo.twin, from one object.

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <weft/events/node_trouble.hpp>

#include "animal.hpp"
#include "twin.hpp"

namespace weft::zoo {

struct TroubleParameters {
  std::string reason;

  void describe(Schema& schema) { schema.field("reason", reason, "Why; empty: it is over."); }
};

class TwinProvider final : public Animal, public Twin2 {
 public:
  using Animal::Animal;

  void describe(Schema& schema) override {
    schema.field("name", name_, "What it calls itself.");
    schema.field("may-start", may_start_, "Whether it starts.");
    schema.field("needs", needs_, "A file without which it does not start.");
    schema.field("gate", gate_, "A FIFO; it starts no sooner than somebody opens it to write.");
  }

  Result<> start() override {
    if (!gate_.empty()) {
      const std::ifstream opened(gate_);  // waits, as a kernel makes whoever needs its modules
    }
    if (!may_start_) {
      return fail(Errc::denied, "wake up");
    }
    if (!needs_.empty() && access(needs_.c_str(), F_OK) != 0) {
      return fail(errno, "open '" + needs_ + "'");
    }
    WEFT_TRY(command_, host_.control().serve({"twin.fail", "Fails."}, [this](auto reply) {
      reply(std::string("true"));
      host_.fail({make_error_code(Errc::closed), "go on"});
    }));
    WEFT_TRY(trouble_,
             host_.control().serve<TroubleParameters>(
                 {"twin.trouble", "Is in trouble."}, [this](TroubleParameters given, auto reply) {
                   host_.bus().publish(events::NodeTrouble{"twin", std::move(given.reason)});
                   reply(std::string("true"));
                 }));
    WEFT_TRY(host_.services().provide<Twin>(*this));
    return host_.services().provide<Twin2>(*this);
  }

  std::string_view name() const noexcept override { return name_; }
  std::string mirrored() const override { return {name_.rbegin(), name_.rend()}; }

 private:
  std::string name_ = "castor";
  bool may_start_ = true;
  std::string gate_;
  std::string needs_;
  CommandRegistration command_;
  CommandRegistration trouble_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::TwinProvider)
