/// Keeps its control command after stop.

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    WEFT_TRY(command_, host_.control().serve({"zoo.roar", "Roars."}, [](Reply<std::string> reply) {
      reply(std::string("null"));
    }));
    return {};
  }

 private:
  CommandRegistration command_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
