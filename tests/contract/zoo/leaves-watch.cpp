/// Still watches a descriptor, which is ready, when it is stopped; and closes it before the watch
/// ends.

#include <weft/lane_queue.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    WEFT_TRY(left_, host_.loop().watch(bell_.fd(), {.readable = true}, [](FdEvents) {}));
    return {};
  }
  void stop() noexcept override { bell_.ring(); }

 private:
  FdWatch left_;
  Doorbell bell_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
