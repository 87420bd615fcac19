/// Provides both versions of zoo.twin, from one object.

#include <algorithm>

#include "animal.hpp"
#include "twin.hpp"

namespace weft::zoo {

class TwinProvider final : public Animal, public Twin2 {
 public:
  using Animal::Animal;

  void describe(Schema& schema) override {
    schema.field("name", name_, "What it calls itself.");
    schema.field("may-start", may_start_, "Whether it starts.");
  }

  Result<> start() override {
    if (!may_start_) {
      return fail(Errc::denied, "wake up");
    }
    WEFT_TRY(host_.services().provide<Twin>(*this));
    return host_.services().provide<Twin2>(*this);
  }

  std::string_view name() const noexcept override { return name_; }
  std::string mirrored() const override { return {name_.rbegin(), name_.rend()}; }

 private:
  std::string name_ = "castor";
  bool may_start_ = true;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::TwinProvider)
