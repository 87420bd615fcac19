/// Reports an error from validate.

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> validate() override { return fail(Errc::invalid, "use 'food': it needs some"); }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
