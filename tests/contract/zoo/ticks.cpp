/// Publishes a state event over and over, for tests that watch the bus.

#include <chrono>
#include <string>

#include <weft/json.hpp>

#include "animal.hpp"

namespace weft::zoo {

struct Tick {
  static constexpr std::string_view topic = "zoo.tick/1";
  std::uint64_t number = 0;

  [[nodiscard]] int key() const { return 7; }
  [[nodiscard]] std::string text() const { return "tick " + std::to_string(number); }
  [[nodiscard]] std::string json() const { return JsonObject().number("number", number).take(); }
};

class Ticks final : public Animal {
 public:
  using Animal::Animal;

  Result<> start() override {
    ticks_ = host_.bus().subscribe<Tick>([this](const Tick& tick) {
      if (tick.number == 1) {
        host_.log().info("first tick heard");
      }
    });
    timer_ = host_.loop().every(std::chrono::milliseconds{10},
                                [this] { host_.bus().publish(Tick{++last_}); });
    return {};
  }
  void stop() noexcept override {
    timer_ = {};
    ticks_ = {};
  }

 private:
  std::uint64_t last_ = 0;
  Timer timer_;
  Subscription ticks_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Ticks)
