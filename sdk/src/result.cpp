/// What an Error says to a human, and the category of our own conditions.

#include <weft/result.hpp>

#include <cstdio>
#include <cstdlib>

namespace weft {
namespace {

class WeftCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "weft"; }

  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::abandoned:
        return "abandoned";
      case Errc::invalid:
        return "invalid";
      case Errc::malformed:
        return "malformed";
      case Errc::unsupported:
        return "not supported";
      case Errc::not_found:
        return "not found";
      case Errc::conflict:
        return "conflict";
      case Errc::denied:
        return "denied";
      case Errc::timeout:
        return "timed out";
      case Errc::unreachable:
        return "unreachable";
      case Errc::pool_exhausted:
        return "no addresses left";
      case Errc::cancelled:
        return "cancelled";
      case Errc::closed:
        return "closed by the other end";
    }
    return "unknown error " + std::to_string(code);
  }
};

}  // namespace

const std::error_category& weft_category() noexcept {
  static const WeftCategory category;
  return category;
}

std::string Error::message() const {
  return "cannot " + context + ": " + code.message();
}

void check_failed(std::string_view rule, std::source_location where) noexcept {
  std::fprintf(stderr, "weft: broken rule: %.*s (%s:%u)\n", static_cast<int>(rule.size()),
               rule.data(), where.file_name(), where.line());
  std::abort();
}

}  // namespace weft
