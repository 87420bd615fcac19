#pragma once
/// Errors are values: what failed, what we were doing, and where. Nothing here throws.

#include <source_location>
#include <string>
#include <string_view>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

#include <weft/export.hpp>

namespace weft {

/// Conditions of our own; everything the system answers is an errno in `std::generic_category()`.
enum class Errc {
  abandoned = 1,   ///< the other side stopped before it answered
  invalid,         ///< input that breaks a rule; the context names the field and the fix
  malformed,       ///< foreign bytes that do not follow their format
  unsupported,     ///< understood, but not available here
  not_found,       ///< no such peer, plugin, service, key or interface
  conflict,        ///< contradicts what is already there
  denied,          ///< refused for want of rights or trust
  timeout,         ///< no answer before the deadline
  unreachable,     ///< no route or no working connection
  pool_exhausted,  ///< no address left, here or at any peer that answered
  cancelled,       ///< the caller gave up
  closed,          ///< the other end closed the connection
};

/// The category of Errc. Defined in libweft-core, because categories compare by address.
WEFT_EXPORT const std::error_category& weft_category() noexcept;

inline std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), weft_category()};
}

/// Why an operation failed: what the system said, what we were doing, and where.
struct Error {
  std::error_code code;  ///< errno, or a weft::Errc for our own conditions
  std::string context;   ///< what was attempted, with its arguments: completes "cannot ..."
  std::source_location where = std::source_location::current();

  /// One line for humans: "cannot bind UDP [::]:6784: Address already in use".
  [[nodiscard]] WEFT_EXPORT std::string message() const;
};

template <class T = void>
using Result = tl::expected<T, Error>;

/// An error from errno. Example: `return fail(errno, "bind UDP [::]:6784");`
inline tl::unexpected<Error> fail(
    int errno_value, std::string context,
    std::source_location where = std::source_location::current()) {
  return tl::unexpected(
      Error{std::error_code(errno_value, std::generic_category()), std::move(context), where});
}

/// An error of our own. Example: `return fail(Errc::not_found, "find peer 'node9'");`
inline tl::unexpected<Error> fail(
    Errc code, std::string context,
    std::source_location where = std::source_location::current()) {
  return tl::unexpected(Error{make_error_code(code), std::move(context), where});
}

/// Ends the process with `rule` and the place. For WEFT_CHECK only.
[[noreturn]] WEFT_EXPORT void check_failed(
    std::string_view rule, std::source_location where = std::source_location::current()) noexcept;

}  // namespace weft

template <>
struct std::is_error_code_enum<weft::Errc> : std::true_type {};

// Nested uses, as in a lambda inside the expression, need names of their own.
#define WEFT_TRY_JOIN_(a, b) a##b
#define WEFT_TRY_JOIN(a, b) WEFT_TRY_JOIN_(a, b)
#define WEFT_TRY_VOID_(result, expr)                    \
  do {                                                  \
    if (auto result = (expr); !result) {                \
      return tl::unexpected(std::move(result).error()); \
    }                                                   \
  } while (false)
#define WEFT_TRY_VALUE_(result, target, expr)           \
  do {                                                  \
    if (auto result = (expr); !result) {                \
      return tl::unexpected(std::move(result).error()); \
    } else {                                            \
      target = *std::move(result);                      \
    }                                                   \
  } while (false)
#define WEFT_TRY_VOID(expr) WEFT_TRY_VOID_(WEFT_TRY_JOIN(weft_try_, __COUNTER__), expr)
#define WEFT_TRY_VALUE(target, expr) \
  WEFT_TRY_VALUE_(WEFT_TRY_JOIN(weft_try_, __COUNTER__), target, expr)
#define WEFT_TRY_PICK(first, second, chosen, ...) chosen

/// `WEFT_TRY(expr)` returns expr's Error from the calling function, if it is one.
/// `WEFT_TRY(target, expr)` also assigns the value to the already declared `target`.
#define WEFT_TRY(...) WEFT_TRY_PICK(__VA_ARGS__, WEFT_TRY_VALUE, WEFT_TRY_VOID, )(__VA_ARGS__)

/// Aborts in every build when an invariant of our own is broken. Never for untrusted input.
#define WEFT_CHECK(condition, rule)      \
  do {                                   \
    if (!(condition)) {                  \
      ::weft::check_failed(rule);        \
    }                                    \
  } while (false)
