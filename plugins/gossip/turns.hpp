#pragma once
/// Something that only few may do at a time. The others wait, in the order in which they came.
/// Pure.

#include <cstddef>
#include <list>
#include <utility>

#include <weft/function.hpp>

namespace weft::gossip {

class Turns {
 public:
  explicit Turns(std::size_t at_once) : free_(at_once) {}

  /// A place in the order until it is destroyed; then the next one begins. The Turns outlive it.
  class Turn {
   public:
    /// `begin` is called once, unless `has_begun` is true at once.
    Turn(Turns& turns, UniqueFunction<void()> begin) : turns_(turns), begin_(std::move(begin)) {
      if (turns_.free_ != 0) {
        --turns_.free_;
        has_begun_ = true;
      } else {
        turns_.waiting_.push_back(this);
      }
    }
    ~Turn() {
      if (!has_begun_) {
        turns_.waiting_.remove(this);
      } else if (turns_.waiting_.empty()) {
        ++turns_.free_;
      } else {
        Turn& next = *turns_.waiting_.front();
        turns_.waiting_.pop_front();
        next.has_begun_ = true;
        next.begin_();
      }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }

   private:
    Turns& turns_;
    UniqueFunction<void()> begin_;
    bool has_begun_ = false;
  };

  [[nodiscard]] bool are_awaited() const noexcept { return !waiting_.empty(); }

 private:
  std::size_t free_;
  std::list<Turn*> waiting_;
};

}  // namespace weft::gossip
