/// Counts what is free and what runs.

#include "runtime/control/places.hpp"

#include <utility>

namespace weft::control {
namespace {

/// Calls `release` when the last copy is gone.
template <class Release>
Places::Token token(Release release) {
  struct Holder {
    explicit Holder(Release what) : release(std::move(what)) {}
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() { release(); }
    Release release;
  };
  return std::make_shared<Holder>(std::move(release));
}

}  // namespace

Places::Token Places::take() {
  {
    const std::lock_guard lock(counts_->mutex);
    if (counts_->free == 0) {
      return {};
    }
    --counts_->free;
  }
  return token([counts = counts_] {
    const std::lock_guard lock(counts->mutex);
    ++counts->free;
  });
}

Places::Token Places::run(const std::string& command) {
  {
    const std::lock_guard lock(counts_->mutex);
    const auto found = counts_->running.find(command);
    if (found != counts_->running.end() && found->second >= counts_->free) {
      return {};
    }
    ++counts_->running[command];
  }
  return token([counts = counts_, command] {
    const std::lock_guard lock(counts->mutex);
    const auto found = counts->running.find(command);
    if (--found->second == 0) {
      counts->running.erase(found);
    }
  });
}

}  // namespace weft::control
