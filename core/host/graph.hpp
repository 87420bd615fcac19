#pragma once
/// In which order plugins start, from the interfaces they provide and need.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include <weft/export.hpp>

#include "host/manifest.hpp"

namespace weft::host {

/// True for interfaces that the host itself provides.
[[nodiscard]] WEFT_EXPORT bool is_host_interface(std::string_view interface);

/// Indexes into `plugins`, dependencies first and otherwise in the given order, or everything that
/// is wrong: an interface nobody provides, two providers of an interface that allows one, a
/// cycle. A plugin that
/// only wants an interface starts after its provider unless that would make a cycle.
[[nodiscard]] WEFT_EXPORT tl::expected<std::vector<std::size_t>, std::vector<std::string>>
start_order(std::span<const Manifest> plugins);

}  // namespace weft::host
