/// Feature maps: values to and from strings, and the map to and from gob.

#include "gossip/wire/features.hpp"

#include <array>
#include <charconv>
#include <string_view>

#include <fmt/core.h>

#include "common/gob/encoder.hpp"
#include "gossip/wire/nickname.hpp"

namespace weft::mesh {
namespace {

constexpr std::string_view flavour = "mac";
constexpr std::uint64_t max_short_id = 4095;
constexpr std::uint64_t max_milliseconds = 60'000;
constexpr std::size_t max_features = 64;
constexpr std::size_t max_overlays = 32;
constexpr gob::TypeId map_id{65};  // any id from 64 up would do

Result<std::string> required(const FeatureMap& map, const std::string& key) {
  const auto found = map.find(key);
  if (found == map.end()) {
    return fail(Errc::invalid, fmt::format("read features: field {} is missing", key));
  }
  return found->second;
}

Result<std::uint64_t> parse_decimal(const std::string& key, const std::string& text,
                                    std::uint64_t max = UINT64_MAX) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max) {
    return fail(
        Errc::invalid,
        fmt::format("read features: field {} is '{:.40}', not a number up to {}", key, text, max));
  }
  return value;
}

Result<std::uint64_t> required_number(const FeatureMap& map, const std::string& key) {
  std::string text;
  WEFT_TRY(text, required(map, key));
  return parse_decimal(key, text);
}

/// The forms of Go's strconv.ParseBool.
Result<bool> parse_bool(const std::string& key, const std::string& text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) {
      return true;
    }
  }
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) {
      return false;
    }
  }
  return fail(Errc::invalid,
              fmt::format("read features: field {} is '{:.40}', not a boolean", key, text));
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    if (space != 0) {
      words.emplace_back(text.substr(0, space));
    }
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return words;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

Result<std::optional<WeftFeatures>> parse_weft(const FeatureMap& map) {
  const auto heartbeat = map.find("WeftHeartbeat");
  const auto dead_after = map.find("WeftDeadAfter");
  if (heartbeat == map.end() || dead_after == map.end()) {
    return std::optional<WeftFeatures>{};
  }
  std::uint64_t interval = 0;
  WEFT_TRY(interval, parse_decimal(heartbeat->first, heartbeat->second, max_milliseconds));
  std::uint64_t silence = 0;
  WEFT_TRY(silence, parse_decimal(dead_after->first, dead_after->second, max_milliseconds));
  if (interval == 0 || silence <= interval) {
    return fail(Errc::invalid,
                "read features: field WeftDeadAfter must be greater than WeftHeartbeat");
  }
  return WeftFeatures{std::chrono::milliseconds(interval), std::chrono::milliseconds(silence)};
}

}  // namespace

FeatureMap protocol1_subset(const FeatureMap& features) {
  constexpr std::array keys{"ConnID", "Name", "NickName", "PeerNameFlavour", "UID"};
  FeatureMap subset;
  for (const char* const key : keys) {
    if (const auto found = features.find(key); found != features.end()) {
      subset.insert(*found);
    }
  }
  return subset;
}

FeatureMap to_map(const Features& features) {
  FeatureMap map{
      {"PeerNameFlavour", std::string(flavour)},
      {"Name", to_string(features.name)},
      {"NickName", features.nickname},
      {"UID", std::to_string(features.uid)},
      {"ConnID", std::to_string(features.connection_id)},
      {"Trusted", features.is_trusted ? "true" : "false"},
  };
  if (features.short_id) {
    map["ShortID"] = std::to_string(*features.short_id);
  }
  if (features.overlays) {
    map["Overlays"] = join_words(*features.overlays);
  }
  if (features.weft) {
    map["WeftHeartbeat"] = std::to_string(features.weft->heartbeat.count());
    map["WeftDeadAfter"] = std::to_string(features.weft->dead_after.count());
  }
  return map;
}

Result<Features> parse_features(const FeatureMap& map) {
  std::string text;
  WEFT_TRY(text, required(map, "PeerNameFlavour"));
  if (text != flavour) {
    return fail(Errc::invalid,
                fmt::format("read features: peer names are of flavour '{:.40}', ours are '{}'",
                            text, flavour));
  }
  Features features;
  WEFT_TRY(text, required(map, "Name"));
  WEFT_TRY(features.name, parse_peer_name(text));
  if (features.name == unknown_peer) {
    return fail(Errc::invalid, "read features: field Name is zero");
  }
  WEFT_TRY(text, required(map, "NickName"));
  features.nickname = clip_nickname(text);
  WEFT_TRY(features.uid, required_number(map, "UID"));
  WEFT_TRY(features.connection_id, required_number(map, "ConnID"));
  if (const auto found = map.find("ShortID"); found != map.end()) {
    std::uint64_t short_id = 0;
    WEFT_TRY(short_id, parse_decimal(found->first, found->second, max_short_id));
    features.short_id = static_cast<std::uint16_t>(short_id);
  }
  if (const auto found = map.find("Trusted"); found != map.end()) {
    WEFT_TRY(features.is_trusted, parse_bool(found->first, found->second));
  }
  if (const auto found = map.find("Overlays"); found != map.end()) {
    features.overlays = split_words(found->second);
    if (features.overlays->size() > max_overlays) {
      return fail(Errc::invalid,
                  fmt::format("read features: field Overlays names more than {}", max_overlays));
    }
  }
  WEFT_TRY(features.weft, parse_weft(map));
  return features;
}

Bytes encode_map(const FeatureMap& map) {
  gob::StreamWriter stream;
  stream.describe(gob::map_type(map_id, "", gob::TypeId::string, gob::TypeId::string));
  stream.put_value(map_id, [&map](Bytes& body) {
    gob::append_uint(body, map.size());
    for (const auto& [key, value] : map) {
      gob::append_counted(body, as_bytes(key));
      gob::append_counted(body, as_bytes(value));
    }
  });
  return stream.take();
}

Result<FeatureMap> read_map(gob::ValueReader& value) {
  FeatureMap map;
  WEFT_TRY(value.as_map([&map](gob::ValueReader& key, gob::ValueReader& text) -> Result<> {
    if (map.size() == max_features) {
      return fail(Errc::malformed, "read features: too many of them");
    }
    std::string_view name;
    WEFT_TRY(name, key.as_string());
    std::string_view content;
    WEFT_TRY(content, text.as_string());
    map.insert_or_assign(std::string(name), std::string(content));
    return {};
  }));
  return map;
}

Result<FeatureMap> decode_map(ByteView stream) {
  FeatureMap map;
  gob::StreamReader reader(stream);
  WEFT_TRY(reader.next([&map](gob::ValueReader& value) -> Result<> {
    WEFT_TRY(map, read_map(value));
    return {};
  }));
  return map;
}

}  // namespace weft::mesh
