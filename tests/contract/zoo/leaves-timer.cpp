/// Leaves a timer running when it is stopped.

#include <chrono>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    left_ = host_.loop().every(std::chrono::hours{1}, [this] { left_.cancel(); });
    return {};
  }

 private:
  Timer left_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
