/// Has a manifest, but forgot WEFT_PLUGIN.

#include "animal.hpp"

namespace weft::zoo {

class Forgotten final : public Animal {
 public:
  using Animal::Animal;
};

}  // namespace weft::zoo
