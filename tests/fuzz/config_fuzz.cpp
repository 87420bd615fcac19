/// Any octets as the operator's configuration, down to the fields of a plugin's table.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weft/config.hpp>

#include "runtime/config/binder.hpp"
#include "runtime/config/node_config.hpp"

namespace {

/// One field of every kind but secrets, which read other files.
struct Fields {
  bool flag = false;
  std::string text;
  std::int64_t number = 0;
  std::uint16_t port = 0;
  std::chrono::milliseconds delay{0};
  weft::ByteSize size;
  weft::net::IpAddress address;
  weft::net::Cidr cidr;
  weft::net::Endpoint endpoint;
  weft::PeerName peer{};
  std::vector<std::string> words;
  std::vector<weft::net::Cidr> cidrs;

  void describe(weft::Schema& schema) {
    schema.field("flag", flag, "A boolean.");
    schema.field("text", text, "A string.");
    schema.field("number", number, "An integer.");
    schema.field("port", port, "A small integer.");
    schema.field("delay", delay, "A duration.");
    schema.field("size", size, "A size.");
    schema.field("address", address, "An address.");
    schema.field("cidr", cidr, "A prefix.");
    schema.field("endpoint", endpoint, "An endpoint.");
    schema.field("peer", peer, "A peer name.");
    schema.field("words", words, "A list of strings.");
    schema.field("cidrs", cidrs, "A list of prefixes.");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = weft::as_text(std::as_bytes(std::span{data, size}));
  if (const auto config = weft::config::parse_node_config(text, "weft.toml")) {
    for (const auto& [name, table] : config->plugins) {
      Fields fields;
      weft::Schema schema;
      fields.describe(schema);
      static_cast<void>(weft::config::bind_table(table, schema, "weft.toml"));
    }
  }
  return 0;
}
