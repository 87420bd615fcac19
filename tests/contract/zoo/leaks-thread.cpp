/// Starts a thread that outlives it.

#include <unistd.h>

#include <thread>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    std::thread([] {
      while (true) {
        pause();
      }
    }).detach();
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
