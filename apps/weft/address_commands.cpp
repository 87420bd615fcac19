/// Asks for what the operator does about addresses.

#include "address_commands.hpp"

#include <fmt/core.h>

#include "ask.hpp"
#include "console/json.hpp"
#include "console/page.hpp"
#include "console/print.hpp"
#include "render.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// The node itself limits how long an address may take.
constexpr std::chrono::hours patience{2};

constexpr std::string_view subnet_prefix = "net:";

Result<Json> ask_about(const Options& options, std::string_view command, const Json& params) {
  std::string text;
  WEFT_TRY(text, ask(options, command, params.dump(-1, ' ', false, Json::error_handler_t::replace),
                     patience));
  return parse_json(text, "weftd's answer");
}

Json params_of(const std::string& place) {
  if (!place.starts_with(subnet_prefix)) {
    return {{"address", place}};
  }
  const std::string subnet = place.substr(subnet_prefix.size());
  return subnet == "default" ? Json::object() : Json{{"subnet", subnet}};
}

/// Without prefix lengths, as Weave Net's scripts expect them.
void list_addresses(Page& page, const Json& answer) {
  for (const Json& address : member(answer, "addresses")) {
    const std::string text = text_of(address);
    page.line("{}", text.substr(0, text.find('/')));
  }
}

/// One request for each of `all`; prints what succeeded also when the next fails.
int run_all(const Options& options, std::string_view command, const std::vector<Json>& all) {
  Page page;
  for (const Json& params : all) {
    const auto answer = ask_about(options, command, params);
    if (!answer) {
      std::ignore = print(page.take());
      return report_error(answer.error());
    }
    list_addresses(page, *answer);
  }
  return print(page.take());
}

}  // namespace

int expose(const Options& options, std::vector<std::string> places, bool without_masquerade) {
  if (places.empty()) {
    places.emplace_back("net:default");
  }
  std::vector<Json> all;
  for (const std::string& place : places) {
    all.push_back(params_of(place));
    all.back()["masquerade"] = !without_masquerade;
  }
  return run_all(options, "ipam.expose", all);
}

int hide(const Options& options, const std::vector<std::string>& addresses) {
  std::vector<Json> all;
  for (const std::string& address : addresses) {
    all.push_back({{"address", address}});
  }
  if (addresses.empty()) {
    all.push_back(Json::object());
  }
  return run_all(options, "ipam.hide", all);
}

int list_holders(const Options& options) {
  const auto text = ask(options, "ipam.list", "{}", patience);
  if (!text) {
    return report_error(text.error());
  }
  const auto page = options.json ? Result<std::string>(*text + "\n") : render_holders(*text);
  return page ? print(*page) : report_error(page.error());
}

int release(const Options& options, const std::string& owner, const std::string& address) {
  Json params{{"owner", owner}};
  if (!address.empty()) {
    params["address"] = address;
  }
  const auto answer = ask_about(options, "ipam.release", params);
  if (!answer) {
    return report_error(answer.error());
  }
  if (!address.empty()) {
    return print(address.substr(0, address.find('/')) + "\n");
  }
  if (member(*answer, "addresses").empty()) {
    return report_error(
        Error{make_error_code(Errc::not_found),
              "release: '" + owner + "' holds no address; 'weft ipam list' shows who does"});
  }
  Page page;
  list_addresses(page, *answer);
  return print(page.take());
}

int take_over(const Options& options, const std::vector<std::string>& peers) {
  for (const std::string& peer : peers) {
    const auto answer = ask_about(options, "ipam.take-over", {{"peer", peer}});
    if (!answer) {
      return report_error(answer.error());
    }
    // Source: weaveworks/weave ipam/http.go, DELETE /peer.
    if (const int printed = print(
            fmt::format("{} IPs taken over from {}\n", number_of(*answer, "addresses"), peer));
        printed != exit_ok) {
      return printed;
    }
  }
  return exit_ok;
}

int prime(const Options& options) {
  const auto answer = ask_about(options, "ipam.prime", Json::object());
  return answer ? exit_ok : report_error(answer.error());
}

}  // namespace weft::cli
