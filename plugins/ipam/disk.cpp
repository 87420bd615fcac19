/// Decides when to save, and runs what waited for it.

#include "disk.hpp"

#include <chrono>

namespace weft::ipam {
namespace {

/// What only gossip changed is written this often at most; nobody waits for it.
constexpr Duration save_interval = std::chrono::seconds{1};

}  // namespace

void Disk::stop() noexcept {
  save_later_.cancel();
  effects_.clear();
  effects_saving_.clear();
}

void Disk::restored() {
  are_holdings_unsaved_ = false;
  saved_ring_ = ring_.state();
}

void Disk::save() {
  if (is_saving_) {
    return;
  }
  if (!are_holdings_unsaved_ && ring_.state() == saved_ring_) {
    run(std::exchange(effects_, {}), {});
    return;
  }
  const TimePoint now = surroundings_.now();
  if (effects_.empty() && last_save_ && now - *last_save_ < save_interval) {
    if (!std::exchange(is_save_armed_, true)) {
      save_later_ = surroundings_.after(*last_save_ + save_interval - now, [this] {
        is_save_armed_ = false;
        save();
      });
    }
    return;
  }
  last_save_ = now;
  is_saving_ = true;
  are_holdings_unsaved_ = false;
  ring_being_saved_ = ring_.state();
  grants_being_saved_ = grants_made_;
  effects_saving_ = std::exchange(effects_, {});
  surroundings_.save(ring_being_saved_, holdings_, fences_.stored(ring_.universe()),
                     [this](const Result<>& saved) { on_saved(saved); });
}

void Disk::on_saved(const Result<>& saved) {
  is_saving_ = false;
  if (saved) {
    saved_ring_ = std::move(ring_being_saved_);
    grants_saved_ = grants_being_saved_;
  } else {
    are_holdings_unsaved_ = true;
    surroundings_.log().error("cannot keep addresses on disk; trying again", "error",
                              saved.error());
  }
  run(std::exchange(effects_saving_, {}), saved);
  if (saved) {
    save();
  }
  tried_();
}

void Disk::run(std::vector<Effect> effects, const Result<>& saved) {
  for (Effect& effect : effects) {
    effect(saved);
  }
}

}  // namespace weft::ipam
