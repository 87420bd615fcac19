/// Starts well and throws in a handler.

#include <stdexcept>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    host_.loop().post([] { throw std::runtime_error("tripped"); });
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
