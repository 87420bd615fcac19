/// Counts its starts in a variable that outlives it, and exports a function of its own.

#include "animal.hpp"

namespace weft::zoo {

int starts = 0;

WEFT_EXPORT int count_starts() {
  return starts;
}

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    ++starts;
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
