/// Leaves a wait behind on its io_context, owned by nobody but itself.

#include <chrono>
#include <memory>

#include <boost/asio/steady_timer.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    const auto timer = std::make_shared<boost::asio::steady_timer>(host_.loop().io());
    timer->expires_after(std::chrono::hours{1});
    timer->async_wait([timer](const boost::system::error_code&) {});
    left_ = host_.loop().every(std::chrono::hours{1}, [this] { left_.cancel(); });
    return {};
  }

 private:
  Timer left_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
