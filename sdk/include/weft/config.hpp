#pragma once
/// Configuration, declared once: a field's name, target, default, range and one sentence of help
/// give parsing, validation with line and column, `weft plugin schema` and the reference page. The
/// parameters of control commands are declared in the same way.

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

namespace weft {

/// A value as TOML or JSON wrote it. Lists hold strings only.
using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

/// A secret read from a file that only its owner may read. Never printed, never dumped.
struct Secret {
  std::string text;  ///< the file's content without the final newline; empty when not configured

  [[nodiscard]] bool is_set() const noexcept { return !text.empty(); }
};

/// A size in bytes, written with a unit: "64KiB", "10MiB".
struct ByteSize {
  std::uint64_t bytes = 0;
};

/// One declared field, type-erased. `assign` parses a value into the plugin's member and explains
/// what is wrong with it; it has no other side effect.
struct ConfigField {
  std::string name;
  std::string type;           ///< for people: "duration", "cidr", "list of cidr", ...
  std::string default_value;  ///< as it would be written in TOML
  std::string help;           ///< one sentence
  std::function<Result<>(const ConfigValue&)> assign;
  bool is_required = false;  ///< there is no default: a command's caller gives it
};

/// Optional bounds of a numeric or duration field, inclusive.
template <class T>
struct Range {
  T min;
  T max;
};

/// Collects a plugin's fields. The members keep their initial values as defaults.
/// Owned by the host, valid during `describe`.
class Schema {
 public:
  WEFT_EXPORT void field(std::string name, bool& target, std::string help);
  WEFT_EXPORT void field(std::string name, std::string& target, std::string help);
  /// Only the listed words are accepted.
  WEFT_EXPORT void choice(std::string name, std::string& target, std::vector<std::string> words,
                          std::string help);
  WEFT_EXPORT void field(std::string name, std::int64_t& target, std::string help,
                         Range<std::int64_t> range = {0, std::numeric_limits<std::int64_t>::max()});
  WEFT_EXPORT void field(std::string name, std::uint16_t& target, std::string help,
                         Range<std::uint16_t> range = {0, 65535});
  WEFT_EXPORT void field(std::string name, std::uint32_t& target, std::string help,
                         Range<std::uint32_t> range = {0,
                                                       std::numeric_limits<std::uint32_t>::max()});
  /// Written "250ms", "10s", "5m", "1h".
  WEFT_EXPORT void field(std::string name, std::chrono::milliseconds& target, std::string help,
                         Range<std::chrono::milliseconds> range = {std::chrono::milliseconds{0},
                                                                   std::chrono::hours{24 * 365}});
  WEFT_EXPORT void field(std::string name, ByteSize& target, std::string help);
  WEFT_EXPORT void field(std::string name, net::IpAddress& target, std::string help);
  WEFT_EXPORT void field(std::string name, net::Cidr& target, std::string help);
  WEFT_EXPORT void field(std::string name, net::Endpoint& target, std::string help);
  /// Unset stays `unknown_peer`.
  WEFT_EXPORT void field(std::string name, PeerName& target, std::string help);
  WEFT_EXPORT void field(std::string name, std::vector<std::string>& target, std::string help);
  WEFT_EXPORT void field(std::string name, std::vector<net::Cidr>& target, std::string help);
  /// A file reference: the field's value is a path. Refused when group or others can read it.
  WEFT_EXPORT void secret_file(std::string name, Secret& target, std::string help);

  /// Empty unless given.
  template <class T>
  void field(std::string name, std::optional<T>& target, std::string help) {
    Schema inner;
    auto value = std::make_shared<T>();
    inner.field(std::move(name), *value, std::move(help));
    ConfigField& field = inner.fields_.front();
    field.default_value.clear();
    field.assign = [value, &target, assign = std::move(field.assign)](const ConfigValue& given) {
      auto assigned = assign(given);
      if (assigned) {
        target = *value;
      }
      return assigned;
    };
    fields_.push_back(std::move(field));
  }
  /// For parameters of commands: one that must be given. `more`: a range, where `field` takes one.
  template <class T, class... More>
  void required(std::string name, T& target, std::string help, More... more) {
    field(std::move(name), target, std::move(help), more...);
    fields_.back().default_value.clear();
    fields_.back().is_required = true;
  }

  [[nodiscard]] const std::vector<ConfigField>& fields() const noexcept { return fields_; }

 private:
  std::vector<ConfigField> fields_;
};

}  // namespace weft
