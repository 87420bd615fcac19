/// Reads what nodes and pods show.

#include "cli/demo_probe.hpp"

#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "cli/json.hpp"

namespace weft::cli {
namespace {

constexpr std::chrono::milliseconds poll_interval{50};

/// The number right before `label`, as in "5 received".
template <class Number>
Result<Number> number_before(const std::string& text, std::string_view label) {
  const std::size_t end = text.find(label);
  if (end == std::string::npos) {
    return fail(Errc::malformed, fmt::format("find '{}' in what ping printed: {}", label, text));
  }
  std::size_t begin = end;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(text[begin - 1])) != 0) {
    --begin;
  }
  Number number{};
  std::from_chars(text.data() + begin, text.data() + end, number);
  return number;
}

}  // namespace

Result<std::string> output_in(const Lab& lab, const std::string& netns, Arguments argv) {
  std::string text;
  WEFT_TRY(text, lab.run_in(netns, std::move(argv)));
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string on_one_line(const std::string& text) {
  std::string joined;
  for (const std::string& line : lines_of(text)) {
    joined += (joined.empty() ? "" : " | ") + line;
  }
  return joined;
}

Result<std::string> bridge_address(const Lab& lab, const LabNode& node) {
  std::string text;
  WEFT_TRY(text,
           output_in(lab, node.netns, {"ip", "-json", "-4", "address", "show", "dev", "weave"}));
  Json links;
  WEFT_TRY(links, parse_json(text, "ip's answer"));
  for (const Json& link : links) {
    for (const Json& address : member(link, "addr_info")) {
      return text_of(address, "local");
    }
  }
  return fail(Errc::not_found, "find an address on the bridge of " + node.name);
}

std::uint64_t packets_of(const std::string& listing, const std::string& comment) {
  constexpr std::string_view label = "counter packets ";
  for (const std::string& line : lines_of(listing)) {
    const std::size_t at = line.find(label);
    if (at != std::string::npos && line.find('"' + comment + '"') != std::string::npos) {
      std::uint64_t packets = 0;
      std::from_chars(line.data() + at + label.size(), line.data() + line.size(), packets);
      return packets;
    }
  }
  return 0;
}

Result<PingCounts> parse_ping(const std::string& text) {
  PingCounts counts;
  WEFT_TRY(counts.sent, number_before<unsigned>(text, " packets transmitted"));
  WEFT_TRY(counts.received, number_before<unsigned>(text, " received"));
  // "rtt min/avg/max/mdev = 0.1/0.2/0.3/0.0 ms"; absent when nothing came back.
  if (const std::size_t at = text.find("mdev = "); at != std::string::npos) {
    const std::size_t slash = text.find('/', at);
    counts.average_ms = std::strtod(text.c_str() + slash + 1, nullptr);
  }
  return counts;
}

Result<PingCounts> ping(const Lab& lab, const DemoPod& from, const std::string& to, unsigned count,
                        const char* interval) {
  Outcome outcome;  // exit 1 means that nothing came back: a value here
  WEFT_TRY(outcome, run({Lab::inside(from.netns, {"ping", "-q", "-c", std::to_string(count), "-i",
                                                  interval, "-W", "2", to}),
                         {},
                         {},
                         std::chrono::seconds{60}},
                        lab.is_verbose()));
  return parse_ping(outcome.out);
}

Result<std::string> connection_state(const Lab& lab, const LabNode& node, const LabNode& other) {
  std::string text;
  WEFT_TRY(text, lab.ask(node, "mesh.connections"));
  Json connections;
  WEFT_TRY(connections, parse_json(text, "connections"));
  std::string state = "absent";
  for (const Json& connection : connections) {
    const bool is_to_other =
        text_of(connection, "Info").find(other.peer_name) != std::string::npos ||
        text_of(connection, "Address").starts_with(other.ipv4 + ":");
    if (is_to_other && state != "established") {
      state = text_of(connection, "State");
    }
  }
  return state;
}

Result<std::string> route_via(const Lab& lab, const LabNode& node, const LabNode& other) {
  std::string text;
  WEFT_TRY(text, lab.ask(node, "mesh.status"));
  Json mesh;
  WEFT_TRY(mesh, parse_json(text, "the mesh's status"));
  for (const Json& route : member(mesh, "UnicastRoutes")) {
    if (text_of(route, "Dest") == other.peer_name) {
      return text_of(route, "Via");
    }
  }
  return std::string();
}

Result<double> wait_until(std::chrono::seconds patience, const std::function<Result<bool>()>& holds,
                          const std::string& what) {
  const auto begin = std::chrono::steady_clock::now();
  while (true) {
    bool is_true = false;
    WEFT_TRY(is_true, holds());
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    if (is_true) {
      return std::chrono::duration<double>(elapsed).count();
    }
    if (was_interrupted()) {
      return fail(Errc::cancelled, "wait until " + what);
    }
    if (elapsed >= patience) {
      return fail(Errc::timeout, fmt::format("see {} within {} s", what, patience.count()));
    }
    pause_for(poll_interval);
  }
}

}  // namespace weft::cli
