#pragma once
/// An interface of the zoo's own, in two versions, and who may provide it.

#include <string>
#include <string_view>

namespace weft::zoo {

/// Any thread.
class Twin {
 public:
  static constexpr std::string_view service = "zoo.twin/1";

  /// Constant.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

 protected:
  ~Twin() = default;
};

/// What a later release added.
class Twin2 : public Twin {
 public:
  static constexpr std::string_view service = "zoo.twin/2";

  [[nodiscard]] virtual std::string mirrored() const = 0;

 protected:
  ~Twin2() = default;
};

}  // namespace weft::zoo
