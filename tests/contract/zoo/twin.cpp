/// Provides both versions of zoo.twin, from one object.

#include <algorithm>
#include <fstream>

#include "animal.hpp"
#include "twin.hpp"

namespace weft::zoo {

class TwinProvider final : public Animal, public Twin2 {
 public:
  using Animal::Animal;

  void describe(Schema& schema) override {
    schema.field("name", name_, "What it calls itself.");
    schema.field("may-start", may_start_, "Whether it starts.");
    schema.field("gate", gate_, "A FIFO; it starts no sooner than somebody opens it to write.");
  }

  Result<> start() override {
    if (!gate_.empty()) {
      const std::ifstream opened(gate_);  // waits, as a kernel makes whoever needs its modules
    }
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
  std::string gate_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::TwinProvider)
