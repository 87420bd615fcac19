/// Has a static constructor that starts a thread.

#include <unistd.h>

#include <thread>

#include "animal.hpp"

namespace {

[[gnu::constructor]] void run_early() {
  std::thread([] {
    while (true) {
      pause();
    }
  }).detach();
}

}  // namespace

WEFT_PLUGIN(weft::zoo::Animal)
