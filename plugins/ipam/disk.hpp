#pragma once
/// What of the allocator is on disk, and what waits for it.

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <weft/function.hpp>
#include <weft/loop.hpp>
#include <weft/result.hpp>

#include "codec.hpp"
#include "fences.hpp"
#include "ring.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

/// Saves ring, holdings and fences together, one save at a time. Nothing is promised to anyone
/// before it is on disk: what follows from a change waits here for its save.
class Disk {
 public:
  using Effect = UniqueFunction<void(const Result<>&)>;

  /// The three are what is saved; they outlive this object. `tried` is called after every save.
  Disk(Surroundings& surroundings, const Ring& ring, const Holdings& holdings, const Fences& fences,
       std::function<void()> tried)
      : surroundings_(surroundings),
        ring_(ring),
        holdings_(holdings),
        fences_(fences),
        tried_(std::move(tried)) {}

  void stop() noexcept;

  /// What is in memory came from the disk.
  void restored();
  /// Holdings or fences changed. The ring says so itself.
  void changed() noexcept { are_holdings_unsaved_ = true; }
  /// A part of the ring was given away, of which nobody may hear before it is on disk.
  void granted() noexcept { ++grants_made_; }

  /// Has `effect` run once everything that changed so far is on disk, or is not: with the result.
  /// `save` begins that.
  void then(Effect effect) { effects_.push_back(std::move(effect)); }
  template <class T>
  void answer(Answer<T> answer, T value) {
    then([answer = std::move(answer), value = std::move(value)](const Result<>& saved) mutable {
      saved ? answer(std::move(value)) : answer(tl::unexpected(saved.error()));
    });
  }
  void answer(Answer<> answer) {
    then([answer = std::move(answer)](const Result<>& saved) mutable { answer(saved); });
  }
  /// Saves what is not saved: at once if something waits for it, else once a second at most.
  void save();

  /// A change waits for another try.
  [[nodiscard]] bool is_behind() const noexcept { return are_holdings_unsaved_; }
  [[nodiscard]] bool has_ring() const noexcept { return !saved_ring_.entries.empty(); }
  /// The ring that others may hear of. After a crash this node would hand out itself what it gave
  /// away by a grant that is not on disk.
  [[nodiscard]] const RingState& public_ring() const noexcept {
    return grants_made_ == grants_saved_ ? ring_.state() : saved_ring_;
  }

 private:
  void on_saved(const Result<>& saved);
  static void run(std::vector<Effect> effects, const Result<>& saved);

  Surroundings& surroundings_;
  const Ring& ring_;
  const Holdings& holdings_;
  const Fences& fences_;
  const std::function<void()> tried_;

  RingState saved_ring_;               // what is on disk
  RingState ring_being_saved_;         // what will be when the running save succeeds
  bool are_holdings_unsaved_ = false;  // or fences
  bool is_saving_ = false;
  std::optional<TimePoint> last_save_;
  bool is_save_armed_ = false;
  Timer save_later_;
  std::uint64_t grants_made_ = 0;
  std::uint64_t grants_being_saved_ = 0;
  std::uint64_t grants_saved_ = 0;
  std::vector<Effect> effects_;         // wait for the next save
  std::vector<Effect> effects_saving_;  // wait for the running save
};

}  // namespace weft::ipam
