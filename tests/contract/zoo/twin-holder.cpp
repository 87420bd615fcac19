/// Holds on to zoo.twin/1, and uses zoo.twin/2 where there is one.

#include <fmt/core.h>

#include "animal.hpp"
#include "twin.hpp"

namespace weft::zoo {

class Holder final : public Animal {
 public:
  using Animal::Animal;

  Result<> start() override {
    WEFT_TRY(twin_, host_.services().require<Twin>());
    newer_ = host_.services().optional<Twin2>();
    WEFT_TRY(command_,
             host_.control().serve(
                 {"holder.seen", "Whom it holds.", "string"}, [this](Reply<std::string> reply) {
                   reply(fmt::format("\"{} {}\"", twin_->name(),
                                     newer_ == nullptr ? "" : newer_->mirrored()));
                 }));
    return {};
  }

 private:
  Twin* twin_ = nullptr;
  Twin2* newer_ = nullptr;
  CommandRegistration command_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Holder)
