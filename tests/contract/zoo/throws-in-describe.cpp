/// Throws while it declares its configuration.

#include <stdexcept>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  void describe(Schema&) override { throw std::runtime_error("no words"); }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
