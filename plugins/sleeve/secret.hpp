#pragma once
/// 32 octets that nobody else may know: a key, or what keys are made of.

#include <array>
#include <cstddef>

#include <sodium.h>

namespace weft::sleeve {

/// A value; forgotten when destroyed.
struct Secret {
  std::array<std::byte, 32> octets{};

  Secret() = default;
  explicit Secret(const std::array<std::byte, 32>& from) : octets(from) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { sodium_memzero(octets.data(), octets.size()); }

  [[nodiscard]] const unsigned char* data() const noexcept {
    return reinterpret_cast<const unsigned char*>(octets.data());
  }
  [[nodiscard]] unsigned char* data() noexcept {
    return reinterpret_cast<unsigned char*>(octets.data());
  }
};

}  // namespace weft::sleeve
