/// Means something else by the topic that `ticks` publishes.

#include "animal.hpp"

namespace weft::zoo {

struct OtherTick {
  static constexpr std::string_view topic = "zoo.tick/1";
  char number = 0;
};

class OtherTicks final : public Animal {
 public:
  using Animal::Animal;

  Result<> start() override {
    host_.bus().publish(OtherTick{});
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::OtherTicks)
