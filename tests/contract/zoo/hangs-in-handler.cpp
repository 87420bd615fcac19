/// Starts well and never returns from a handler.

#include <unistd.h>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    host_.loop().post([] {
      while (true) {
        pause();
      }
    });
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
