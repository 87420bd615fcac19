/// Throws while it is constructed.

#include <stdexcept>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  explicit Misbehaving(Host& host) : Animal(host) { throw std::runtime_error("no legs"); }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
