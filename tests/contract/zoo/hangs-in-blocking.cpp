/// Gives the host work that never returns.

#include <condition_variable>
#include <mutex>

#include "animal.hpp"

namespace weft::zoo {

class Stuck final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    host_.loop().blocking(
        [] {
          std::mutex mutex;
          std::condition_variable never;
          std::unique_lock lock(mutex);
          never.wait(lock, [] { return false; });
        },
        [] {});
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Stuck)
