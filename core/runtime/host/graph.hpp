#pragma once
/// In which order plugins start, from the interfaces they provide and need.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include <weft/export.hpp>

#include "runtime/host/manifest.hpp"

namespace weft::host {

/// Indexes into `plugins`, dependencies first and otherwise in the given order, or everything that
/// is wrong: an interface that nobody provides, two providers of one that they do not share, a
/// cycle. A plugin that only wants an interface starts after its provider unless that would make a
/// cycle. `built_in`: the interfaces that come with the program.
[[nodiscard]] WEFT_EXPORT tl::expected<std::vector<std::size_t>, std::vector<std::string>>
start_order(std::span<const Manifest> plugins, std::span<const std::string_view> built_in);

}  // namespace weft::host
