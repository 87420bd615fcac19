/// Follows zoo.twin/1 and says in its log whom it has.

#include "animal.hpp"
#include "twin.hpp"

namespace weft::zoo {

class Follower final : public Animal {
 public:
  using Animal::Animal;

  Result<> start() override {
    WEFT_TRY(twin_,
             host_.services().follow<Twin>([this](const Twin* twin, const ServiceHold& leaving) {
               seen_ += seen_.empty() ? "" : " ";
               seen_ += leaving ? "leaving:" : "";
               seen_ += twin == nullptr ? "nobody" : twin->name();
             }));
    WEFT_TRY(command_,
             host_.control().serve({"follower.seen", "Whom it saw.", "string"},
                                   [this](Reply<std::string> reply) { reply('"' + seen_ + '"'); }));
    return {};
  }
  void stop() noexcept override { twin_ = {}; }

 private:
  std::string seen_;
  CommandRegistration command_;
  Following twin_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Follower)
