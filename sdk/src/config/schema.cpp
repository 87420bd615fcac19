/// The fields a plugin may declare: how each kind is read, bounded, explained and written back.

#include <weft/config.hpp>
#include <weft/config_text.hpp>

#include <fmt/core.h>

#include "config/secret_file.hpp"
#include "config/units.hpp"

namespace weft {
namespace {

using config::in_quotes;

/// "cannot set heartbeat = "10": want ...".
tl::unexpected<Error> refuse(const std::string& name, const ConfigValue& given,
                             std::string_view wanted) {
  return fail(Errc::invalid,
              fmt::format("set {} = {}: want {}", name, config::value_text(given), wanted));
}

template <class T>
std::string range_text(Range<T> range) {
  return std::cmp_equal(range.max, std::numeric_limits<std::int64_t>::max())
             ? fmt::format("an integer of at least {}", range.min)
             : fmt::format("an integer from {} to {}", range.min, range.max);
}

/// A field whose value is a TOML integer in `range`.
template <class T>
ConfigField integer_field(std::string name, T& target, std::string help, Range<T> range) {
  auto assign = [name, &target, range](const ConfigValue& value) -> Result<> {
    const auto* const given = std::get_if<std::int64_t>(&value);
    if (given == nullptr || !std::in_range<T>(*given) || static_cast<T>(*given) < range.min ||
        static_cast<T>(*given) > range.max) {
      return refuse(name, value, range_text(range));
    }
    target = static_cast<T>(*given);
    return {};
  };
  return {std::move(name), "integer", fmt::format("{}", target), std::move(help),
          std::move(assign)};
}

/// A field whose value is a TOML string that `parse` reads.
template <class T, class Parse>
ConfigField text_field(std::string name, std::string type, T& target, std::string default_text,
                       std::string help, std::string wanted, Parse parse) {
  auto assign = [name, &target, wanted = std::move(wanted),
                 parse](const ConfigValue& value) -> Result<> {
    const auto* const given = std::get_if<std::string>(&value);
    if (given == nullptr) {
      return refuse(name, value, wanted);
    }
    auto parsed = parse(*given);
    if (!parsed) {
      return refuse(name, value, wanted);
    }
    target = *std::move(parsed);
    return {};
  };
  return {std::move(name), std::move(type), std::move(default_text), std::move(help),
          std::move(assign)};
}

Result<std::vector<net::Cidr>> parse_cidrs(const std::vector<std::string>& texts) {
  std::vector<net::Cidr> cidrs;
  cidrs.reserve(texts.size());
  for (const std::string& text : texts) {
    auto cidr = net::parse_cidr(text);
    if (!cidr) {
      return tl::unexpected(std::move(cidr).error());
    }
    cidrs.push_back(*cidr);
  }
  return cidrs;
}

std::vector<std::string> cidr_texts(const std::vector<net::Cidr>& cidrs) {
  std::vector<std::string> texts;
  texts.reserve(cidrs.size());
  for (const net::Cidr& cidr : cidrs) {
    texts.push_back(to_string(cidr));
  }
  return texts;
}

/// A peer's name is also the MAC address of its bridge.
Result<PeerName> parse_unicast_name(std::string_view text) {
  PeerName name{};
  WEFT_TRY(name, parse_peer_name(text));
  constexpr std::uint64_t group_bit = std::uint64_t{1} << 40U;  // Source: IEEE 802-2014, 8.2.2
  if (name == unknown_peer || (static_cast<std::uint64_t>(name) & group_bit) != 0) {
    return fail(Errc::invalid, "use a name that is no interface's address");
  }
  return name;
}

}  // namespace

void Schema::field(std::string name, bool& target, std::string help) {
  auto assign = [name, &target](const ConfigValue& value) -> Result<> {
    const auto* const given = std::get_if<bool>(&value);
    if (given == nullptr) {
      return refuse(name, value, "true or false, without quotes");
    }
    target = *given;
    return {};
  };
  fields_.push_back(
      {std::move(name), "boolean", target ? "true" : "false", std::move(help), std::move(assign)});
}

void Schema::field(std::string name, std::string& target, std::string help) {
  fields_.push_back(text_field(std::move(name), "string", target, in_quotes(target),
                               std::move(help), "a string in quotes",
                               [](const std::string& text) { return Result<std::string>(text); }));
}

void Schema::choice(std::string name, std::string& target, std::vector<std::string> words,
                    std::string help) {
  std::string wanted = "one of";
  for (const std::string& word : words) {
    wanted += (&word == &words.front() ? " " : ", ") + in_quotes(word);
  }
  fields_.push_back(text_field(std::move(name), wanted, target, in_quotes(target), std::move(help),
                               wanted, [words = std::move(words)](const std::string& text) {
                                 return std::find(words.begin(), words.end(), text) != words.end()
                                            ? Result<std::string>(text)
                                            : fail(Errc::invalid, "find the word");
                               }));
}

void Schema::field(std::string name, std::int64_t& target, std::string help,
                   Range<std::int64_t> range) {
  fields_.push_back(integer_field(std::move(name), target, std::move(help), range));
}

void Schema::field(std::string name, std::uint16_t& target, std::string help,
                   Range<std::uint16_t> range) {
  fields_.push_back(integer_field(std::move(name), target, std::move(help), range));
}

void Schema::field(std::string name, std::uint32_t& target, std::string help,
                   Range<std::uint32_t> range) {
  fields_.push_back(integer_field(std::move(name), target, std::move(help), range));
}

void Schema::field(std::string name, std::chrono::milliseconds& target, std::string help,
                   Range<std::chrono::milliseconds> range) {
  std::string wanted = fmt::format(
      "a whole number with one unit, like \"250ms\", \"10s\", \"5m\" or \"1h\", from {} to {}",
      config::format_duration(range.min), config::format_duration(range.max));
  const auto parse = [range](const std::string& text) -> Result<std::chrono::milliseconds> {
    auto value = config::parse_duration(text);
    if (value && (*value < range.min || *value > range.max)) {
      return fail(Errc::invalid, "accept a duration out of range");
    }
    return value;
  };
  fields_.push_back(text_field(std::move(name), "duration", target,
                               in_quotes(config::format_duration(target)), std::move(help),
                               std::move(wanted), parse));
}

void Schema::field(std::string name, ByteSize& target, std::string help) {
  fields_.push_back(text_field(
      std::move(name), "size", target, in_quotes(config::format_byte_size(target)), std::move(help),
      "a whole number with one of the units B, KiB, MiB, GiB and TiB, like \"64KiB\"",
      config::parse_byte_size));
}

void Schema::field(std::string name, net::IpAddress& target, std::string help) {
  fields_.push_back(text_field(std::move(name), "address", target, in_quotes(to_string(target)),
                               std::move(help), "an IP address, like \"10.32.0.1\" or \"fd00::1\"",
                               net::parse_ip));
}

void Schema::field(std::string name, net::Cidr& target, std::string help) {
  fields_.push_back(text_field(std::move(name), "cidr", target, in_quotes(to_string(target)),
                               std::move(help), "a prefix, like \"10.32.0.0/12\"",
                               net::parse_cidr));
}

void Schema::field(std::string name, net::Endpoint& target, std::string help) {
  fields_.push_back(text_field(
      std::move(name), "endpoint", target, in_quotes(to_string(target)), std::move(help),
      "an IP address and a port of at most 65535, like \"10.0.0.1:6783\" or \"[::]:6783\"",
      net::parse_endpoint));
}

void Schema::field(std::string name, PeerName& target, std::string help) {
  fields_.push_back(
      text_field(std::move(name), "peer name", target,
                 target == unknown_peer ? "" : in_quotes(to_string(target)), std::move(help),
                 "a peer name of six hex octets, like \"02:00:00:00:00:01\": a MAC address of one "
                 "interface, so not all zeros, and the first octet even",
                 parse_unicast_name));
}

void Schema::field(std::string name, std::vector<std::string>& target, std::string help) {
  auto assign = [name, &target](const ConfigValue& value) -> Result<> {
    const auto* const given = std::get_if<std::vector<std::string>>(&value);
    if (given == nullptr) {
      return refuse(name, value, "a list, like [\"first\", \"second\"]");
    }
    target = *given;
    return {};
  };
  fields_.push_back({std::move(name), "list of string", config::value_text(ConfigValue{target}),
                     std::move(help), std::move(assign)});
}

void Schema::field(std::string name, std::vector<net::Cidr>& target, std::string help) {
  auto assign = [name, &target](const ConfigValue& value) -> Result<> {
    const auto* const given = std::get_if<std::vector<std::string>>(&value);
    auto parsed = given == nullptr ? fail(Errc::invalid, "find a list") : parse_cidrs(*given);
    if (!parsed) {
      return refuse(name, value, "a list of prefixes, like [\"10.32.0.0/12\"]");
    }
    target = *std::move(parsed);
    return {};
  };
  fields_.push_back({std::move(name), "list of cidr",
                     config::value_text(ConfigValue{cidr_texts(target)}), std::move(help),
                     std::move(assign)});
}

void Schema::secret_file(std::string name, Secret& target, std::string help) {
  auto assign = [name, &target](const ConfigValue& value) -> Result<> {
    const auto* const path = std::get_if<std::string>(&value);
    if (path == nullptr) {
      return refuse(name, value, "the path of a file, in quotes");
    }
    auto secret = config::read_secret_file(*path);
    if (!secret) {
      Error error = std::move(secret).error();
      error.context = fmt::format("set {}: cannot {}", name, error.context);
      return tl::unexpected(std::move(error));
    }
    target = *std::move(secret);
    return {};
  };
  fields_.push_back({std::move(name), "secret file", "", std::move(help), std::move(assign)});
}

}  // namespace weft
