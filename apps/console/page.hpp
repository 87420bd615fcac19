#pragma once
/// Text for people, written line by line. What a line shows may come from peers: it stays one line.

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "runtime/base/printable.hpp"

namespace weft::console {

class Page {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += one_line(fmt::format(format, std::forward<Args>(args)...));
    text_ += '\n';
  }
  /// "   Name: value", with the colon in column 16.
  void entry(std::string_view label, std::string_view value) { line("{:>15}: {}", label, value); }
  void blank() { text_ += '\n'; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace weft::console
