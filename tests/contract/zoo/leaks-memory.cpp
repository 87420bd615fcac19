/// Allocates what it never frees.

#include <memory>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    static_cast<void>(std::make_unique<std::byte[]>(4096).release());
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
