#pragma once
/// A move-only callable: `std::move_only_function` for C++20. Plugins need it wherever a callback
/// owns something that cannot be copied, such as a Reply.

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

template <class Signature>
class UniqueFunction;

/// Owns one callable; empty after being moved from. Not thread-safe; calling an empty one is a
/// programming error and crashes.
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;

  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, F&, Args...>)
  UniqueFunction(F&& callable)  // NOLINT(google-explicit-constructor): as std::function
      // Not make_unique: a unique_ptr for every lambda costs a seventh of a typical compilation.
      : target_(new Model<std::decay_t<F>>(std::forward<F>(callable))) {}

  R operator()(Args... args) { return target_->call(std::forward<Args>(args)...); }
  explicit operator bool() const { return target_ != nullptr; }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual R call(Args... args) = 0;
  };

  template <class F>
  struct Model final : Target {
    template <class G>
    explicit Model(G&& from) : callable(std::forward<G>(from)) {}
    R call(Args... args) override { return callable(std::forward<Args>(args)...); }
    F callable;
  };

  std::unique_ptr<Target> target_;
};

/// A piece of work for a loop.
using Task = UniqueFunction<void()>;

}  // namespace weft
