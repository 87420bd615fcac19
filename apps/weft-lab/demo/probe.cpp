/// Reads what nodes and pods show.

#include "probe.hpp"

#include <charconv>
#include <cstdlib>
#include <regex>

#include <fmt/format.h>

#include "console/json.hpp"

namespace weft::lab {

using namespace console;

namespace {

constexpr std::chrono::milliseconds poll_interval{50};
constexpr std::chrono::seconds settle_patience{60};

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

/// "fastdp", "sleeve", or nothing until it is established.
std::string overlay_of(const Json& connection) {
  return text_of(connection, "State") == "established"
             ? text_of(member(connection, "Attrs"), "name")
             : "";
}

/// Whether the fast path still has a connection that shows another overlay.
Result<bool> is_settled(const Lab& lab, const LabNode& node) {
  std::string text;
  WEFT_TRY(text, lab.ask(node, "odp.status"));
  Json odp;
  WEFT_TRY(odp, parse_json(text, "odp's status"));
  WEFT_TRY(text, lab.ask(node, "mesh.connections"));
  Json connections;
  WEFT_TRY(connections, parse_json(text, "connections"));
  return member(odp, "Connections").empty() ||
         std::ranges::all_of(connections, [](const Json& connection) {
           return text_of(connection, "State") != "established" ||
                  overlay_of(connection) == "fastdp";
         });
}

}  // namespace

Check equal(const std::string& expected, const std::string& observed) {
  const bool ok = expected == observed;
  return {ok, on_one_line(expected), on_one_line(observed)};
}

/// `shape` is a regular expression for the whole text; `shown` is how a person would write it.
Check shaped(const std::string& shape, std::string shown, const std::string& observed) {
  return {std::regex_match(observed, std::regex(shape)), std::move(shown), on_one_line(observed)};
}

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
    counts.shortest_ms = std::strtod(text.c_str() + text.find('=', at) + 1, nullptr);
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

Result<std::string> overlay_to(const Lab& lab, const LabNode& node, const LabNode& other) {
  std::string text;
  WEFT_TRY(text, lab.ask(node, "mesh.connections"));
  Json connections;
  WEFT_TRY(connections, parse_json(text, "connections"));
  std::string overlay;
  for (const Json& connection : connections) {
    const bool is_to_other = text_of(connection, "Info").find(other.peer_name) != std::string::npos;
    overlay = is_to_other ? overlay_of(connection) : overlay;
  }
  return overlay;
}

Result<std::map<std::string, unsigned>> settled_overlays(const Lab& lab) {
  const auto all_settled = [&]() -> Result<bool> {
    for (const LabNode& node : lab.plan().nodes) {
      bool settled = false;
      WEFT_TRY(settled, is_settled(lab, node));
      if (!settled) {
        return false;
      }
    }
    return true;
  };
  const auto waited = wait_until(settle_patience, all_settled, "the fast path take over");
  if (!waited && waited.error().code != Errc::timeout) {  // then the counts say what is missing
    return tl::unexpected(waited.error());
  }
  std::map<std::string, unsigned> overlays;
  for (const LabNode& node : lab.plan().nodes) {
    std::string text;
    WEFT_TRY(text, lab.ask(node, "mesh.connections"));
    Json connections;
    WEFT_TRY(connections, parse_json(text, "connections"));
    for (const Json& connection : connections) {
      if (const std::string overlay = overlay_of(connection); !overlay.empty()) {
        ++overlays[overlay];
      }
    }
  }
  return overlays;
}

Result<Json> report_of(const Lab& lab, const LabNode& node, const std::string& path) {
  std::string text;
  WEFT_TRY(
      text,
      run_ok({{lab.programs().directory + "/weft", "--socket", node.socket, "report", "-f", path},
              {},
              {}},
             lab.is_verbose()));
  return parse_json(text, "the report's " + path);
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

}  // namespace weft::lab
