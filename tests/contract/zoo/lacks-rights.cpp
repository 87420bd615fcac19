/// Is refused what the kernel lets the mighty do.

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override { return fail(EPERM, "move the mountain"); }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
