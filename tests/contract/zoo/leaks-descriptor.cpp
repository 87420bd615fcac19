/// Opens what it never closes.

#include <fcntl.h>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    return open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 ? Result<>() : fail(errno, "open a file");
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
