#pragma once
/// The mesh as JSON, with the field names of Weave Net's report, and as lines for people.

#include <string>

#include <weft/function.hpp>
#include <weft/loop.hpp>

#include "gossip/engine.hpp"

namespace weft::gossip {

/// Writes JSON that grows with the mesh. Needs no engine: any thread.
using Report = UniqueFunction<std::string()>;
/// What the mesh knows of the report's Router object.
[[nodiscard]] Report status_report(const Engine& engine, Loop& loop);
/// The report's Router object, with null for empty lists, and for what other plugins add as if
/// there were none.
[[nodiscard]] Report router_report(const Engine& engine, Loop& loop);
[[nodiscard]] Report peers_report(const Engine& engine, Loop& loop);

[[nodiscard]] std::string connections_json(const Engine& engine, Loop& loop);
[[nodiscard]] std::string targets_json(const Engine& engine);
/// What became of each target: which name resolves to what, and how it stands with each address.
[[nodiscard]] std::string direct_peers_json(const Engine& engine, Loop& loop);

/// The same for people: lists of lines.
[[nodiscard]] Report summary_page(const Engine& engine, Loop& loop);
[[nodiscard]] Report peers_page(const Engine& engine, Loop& loop);
[[nodiscard]] std::string connections_page(const Engine& engine, Loop& loop);
[[nodiscard]] std::string targets_page(const Engine& engine, Loop& loop);

}  // namespace weft::gossip
