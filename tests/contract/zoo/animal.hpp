#pragma once
/// A plugin that behaves; the zoo's animals each break one rule.

#include <weft/plugin.hpp>

namespace weft::zoo {

class Animal : public Plugin {
 public:
  explicit Animal(Host& host) : host_(host) {}

  Result<> start() override { return {}; }
  void stop() noexcept override {}

 protected:
  Host& host_;
};

}  // namespace weft::zoo
