/// Writes JSON strings.

#include <weft/json.hpp>

#include <nlohmann/json.hpp>

namespace weft {

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/false,
                                   nlohmann::json::error_handler_t::replace);
}

}  // namespace weft
