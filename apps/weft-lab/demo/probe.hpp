#pragma once
/// Questions the demonstration asks of nodes and pods.

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "console/json.hpp"
#include "lab.hpp"
#include "steps.hpp"

namespace weft::lab {

inline constexpr const char* pod_network = "10.32.0.0/12";

/// Holds if both are the same.
[[nodiscard]] Check equal(const std::string& expected, const std::string& observed);
/// `shape` is a regular expression for the whole text; `shown` is how a person would write it.
[[nodiscard]] Check shaped(const std::string& shape, std::string shown,
                           const std::string& observed);

/// The output of a command in a namespace without its final newline.
[[nodiscard]] Result<std::string> output_in(const Lab& lab, const std::string& netns,
                                            Arguments argv);
[[nodiscard]] std::vector<std::string> lines_of(const std::string& text);
/// Lines joined by " | ", for one line of a report.
[[nodiscard]] std::string on_one_line(const std::string& text);

/// The address of the node's bridge, without prefix length.
[[nodiscard]] Result<std::string> bridge_address(const Lab& lab, const LabNode& node);

/// Packets counted by the rule whose comment is `comment`, in an nft listing.
[[nodiscard]] std::uint64_t packets_of(const std::string& listing, const std::string& comment);

/// Pings `count` times, `interval` seconds apart.
[[nodiscard]] Result<PingCounts> ping(const Lab& lab, const DemoPod& from, const std::string& to,
                                      unsigned count, const char* interval);

/// The state of the node's connection to another, or "absent".
[[nodiscard]] Result<std::string> connection_state(const Lab& lab, const LabNode& node,
                                                   const LabNode& other);
/// The overlay that the node's connection to another shows, or "".
[[nodiscard]] Result<std::string> overlay_to(const Lab& lab, const LabNode& node,
                                             const LabNode& other);
/// How many established connections each overlay carries, by the names that connections show.
/// Waits while the fast path still tries to take some.
[[nodiscard]] Result<std::map<std::string, unsigned>> settled_overlays(const Lab& lab);
/// What `weft report -f PATH` prints on the node.
[[nodiscard]] Result<console::Json> report_of(const Lab& lab, const LabNode& node,
                                              const std::string& path);
/// The next hop of the node's unicast route to another, or "".
[[nodiscard]] Result<std::string> route_via(const Lab& lab, const LabNode& node,
                                            const LabNode& other);

/// Asks again until it holds or time is up; the seconds it took. Errors: Errc::timeout,
/// Errc::cancelled, or those of `holds`.
[[nodiscard]] Result<double> wait_until(std::chrono::seconds patience,
                                        const std::function<Result<bool>()>& holds,
                                        const std::string& what);

}  // namespace weft::lab
