/// Refuses to start unless Asio knows, inside a plugin, whose thread this is.

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Misbehaving final : public Animal {
 public:
  using Animal::Animal;
  Result<> start() override {
    if (!host_.loop().is_current()) {
      return fail(Errc::invalid, "find itself on its loop");
    }
    boost::asio::io_context& io = host_.loop().io();
    bool has_run = false;
    boost::asio::dispatch(io, [&has_run] { has_run = true; });
    if (!has_run || !io.get_executor().running_in_this_thread()) {
      return fail(Errc::invalid, "dispatch inline: Asio has two copies of its thread identity");
    }
    return {};
  }
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Misbehaving)
