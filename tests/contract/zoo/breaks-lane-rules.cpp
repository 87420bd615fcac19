/// Does on a lane what ZOO_DEED says.

#include <unistd.h>

#include <memory>
#include <mutex>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal, private LaneTask {
 public:
  using Animal::Animal;
  Result<> start() override {
    registration_ = host_.lanes().add(0, *this, {});
    return {};
  }
  void stop() noexcept override { registration_ = {}; }

 private:
  void allocate() {
    kept_ = std::make_unique<int>(1);
    kept_.reset();
  }
  void lock() { const std::lock_guard held(mutex_); }
  void block() { ::usleep(1); }
  void log() { host_.log().info("a frame"); }
  void raise() {
    try {
      throw 1;
    } catch (int) {
    }
  }

  unsigned poll(Lane& /*lane*/, unsigned /*budget*/) noexcept override {
    ZOO_DEED();
    return 0;
  }

  std::unique_ptr<int> kept_;
  std::mutex mutex_;
  LaneRegistration registration_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
