/// Reads a template into a tree, then writes the tree.

#include "report_template.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "report_json.hpp"
#include "report_path.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// A word or a quoted text of an action.
struct Token {
  std::string text;
  bool is_quoted = false;
  std::size_t column = 0;
};

/// What an action names: a text, or the value at a path.
struct Operand {
  std::optional<std::string> text;
  bool is_from_top = false;
  std::vector<PathStep> path;
  std::size_t column = 0;
};

struct Node;
using Nodes = std::vector<Node>;

struct Node {
  enum class Kind : std::uint8_t { text, print, json, length, range, condition, with };
  Kind kind{};
  std::string text;
  Operand operand;
  Nodes body;       ///< of a block
  Nodes otherwise;  ///< after its else
};

constexpr std::array words{std::pair{std::string_view("json"), Node::Kind::json},
                           std::pair{std::string_view("len"), Node::Kind::length},
                           std::pair{std::string_view("range"), Node::Kind::range},
                           std::pair{std::string_view("if"), Node::Kind::condition},
                           std::pair{std::string_view("with"), Node::Kind::with}};
constexpr std::string_view known =
    "want a field such as .Router.Name, \"text\", json, len, range, if, with, else or end";

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

bool is_block(Node::Kind kind) {
  return kind == Node::Kind::range || kind == Node::Kind::condition || kind == Node::Kind::with;
}

class TemplateReader {
 public:
  explicit TemplateReader(std::string_view text) : text_(text) {}

  Result<Nodes> read() {
    Nodes nodes;
    std::optional<Token> end;
    WEFT_TRY(end, read_until_end(nodes, 0));
    if (end) {
      return format_error(end->column, fmt::format("there is no block for '{}'", end->text));
    }
    return nodes;
  }

 private:
  /// Appends to `nodes` up to an "else" or "end", which it returns, or the end of the template.
  Result<std::optional<Token>> read_until_end(Nodes& nodes, std::size_t depth) {
    while (at_ < text_.size()) {
      const std::size_t open = std::min(text_.find("{{", at_), text_.size());
      if (open > at_) {
        nodes.push_back({Node::Kind::text, std::string(text_.substr(at_, open - at_)), {}, {}, {}});
        at_ = open;
        continue;
      }
      std::vector<Token> tokens;
      WEFT_TRY(tokens, read_action());
      const Token& first = tokens.front();
      if (!first.is_quoted && (first.text == "else" || first.text == "end")) {
        if (tokens.size() > 1) {
          return format_error(tokens[1].column, fmt::format("nothing may follow '{}'", first.text));
        }
        return std::optional(first);
      }
      WEFT_TRY(nodes.emplace_back(), read_node(tokens, depth));
    }
    return std::nullopt;
  }

  /// The words between "{{", where we are, and "}}": at least one.
  Result<std::vector<Token>> read_action() {
    const std::size_t open = at_ + 1;
    at_ += 2;
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) {
        ++at_;
      }
      if (at_ == text_.size()) {
        return format_error(open, "'{{' has no '}}'");
      }
      if (text_.substr(at_).starts_with("}}")) {
        at_ += 2;
        break;
      }
      Token token;
      WEFT_TRY(token, text_[at_] == '"' || text_[at_] == '`' ? read_quoted() : read_word());
      tokens.push_back(std::move(token));
    }
    if (tokens.empty()) {
      return format_error(open, fmt::format("the action is empty; {}", known));
    }
    return tokens;
  }

  Result<Token> read_word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != '"' && text_[at_] != '`' &&
           !text_.substr(at_).starts_with("}}")) {
      ++at_;
    }
    return Token{std::string(text_.substr(begin, at_ - begin)), false, begin + 1};
  }

  Result<Token> read_quoted() {
    Token token{{}, true, at_ + 1};
    const char quote = text_[at_];
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      char c = text_[at_];
      if (c == '\\' && quote == '"') {
        ++at_;
        const char escaped = at_ < text_.size() ? text_[at_] : '\0';
        const std::size_t which = std::string_view("nt\"\\").find(escaped);
        if (which == std::string_view::npos) {
          return format_error(at_, R"(after '\' goes one of n, t, " and \)");
        }
        c = "\n\t\"\\"[which];
      }
      token.text += c;
    }
    if (at_ == text_.size()) {
      return format_error(token.column, fmt::format("{} is not closed", quote));
    }
    ++at_;
    return token;
  }

  /// The node of an action, with the block that it opens.
  Result<Node> read_node(const std::vector<Token>& tokens, std::size_t depth) {
    Node node{Node::Kind::print, {}, {}, {}, {}};
    const Token& first = tokens.front();
    const auto word = std::ranges::find(words, std::string_view(first.text),
                                        [](const auto& pair) { return pair.first; });
    std::size_t next = 0;
    if (!first.is_quoted && word != words.end()) {
      node.kind = word->second;
      next = 1;
    }
    if (next == tokens.size()) {
      return format_error(first.column, fmt::format("what for? Write '{} .NAME'", first.text));
    }
    WEFT_TRY(node.operand, read_operand(tokens[next]));
    if (next + 1 < tokens.size()) {
      const Token& extra = tokens[next + 1];
      return format_error(extra.column, fmt::format("'{}' is one too many here", extra.text));
    }
    if (is_block(node.kind)) {
      WEFT_TRY(read_block(node, first, depth + 1));
    }
    return node;
  }

  Result<> read_block(Node& node, const Token& opened_by, std::size_t depth) {
    if (depth > max_template_depth) {
      return format_error(opened_by.column,
                          fmt::format("blocks are more than {} deep", max_template_depth));
    }
    std::optional<Token> end;
    WEFT_TRY(end, read_until_end(node.body, depth));
    if (end && end->text == "else") {
      WEFT_TRY(end, read_until_end(node.otherwise, depth));
      if (end && end->text == "else") {
        return format_error(end->column, "a second 'else'");
      }
    }
    if (!end) {
      return format_error(opened_by.column,
                          fmt::format("'{}' has no '{{{{end}}}}'", opened_by.text));
    }
    return {};
  }

  static Result<Operand> read_operand(const Token& token) {
    Operand operand;
    operand.column = token.column;
    if (token.is_quoted) {
      operand.text = token.text;
      return operand;
    }
    if (!token.text.starts_with('.') && !token.text.starts_with('$')) {
      return format_error(token.column,
                          fmt::format("'{}' is not known here; {}", token.text, known));
    }
    operand.is_from_top = token.text.starts_with('$');
    WEFT_TRY(operand.path, parse_path(token.text, token.column));
    for (const PathStep& step : operand.path) {
      if (step.kind == PathStep::Kind::every) {
        return format_error(step.column, "a template has 'range' for every element");
      }
    }
    return operand;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_true(const Json& value) {
  return !(value.empty() || value == false || value == 0 || value == "");
}

class TemplateWriter {
 public:
  explicit TemplateWriter(const Json& top) : top_(top) {}

  Result<> write(const Nodes& nodes, const Json& current) {
    for (const Node& node : nodes) {
      WEFT_TRY(write(node, current));
    }
    return {};
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  Result<> write(const Node& node, const Json& current) {
    if (node.kind == Node::Kind::text) {
      text_ += node.text;
      return {};
    }
    Json quoted;
    const Json* value = &quoted;
    if (node.operand.text) {
      quoted = *node.operand.text;
    } else {
      std::vector<const Json*> found;
      WEFT_TRY(found, select(node.operand.is_from_top ? top_ : current, node.operand.path));
      value = found.front();
    }
    switch (node.kind) {
      case Node::Kind::text:
        break;
      case Node::Kind::print:
        text_ += node.operand.text  ? *node.operand.text
                 : value->is_null() ? "<no value>"
                                    : plain_text(*value);
        break;
      case Node::Kind::json:
        text_ += report_text(*value, JsonLayout::compact);
        break;
      case Node::Kind::length:
        return write_length(node, *value);
      case Node::Kind::range:
        return write_range(node, *value, current);
      case Node::Kind::condition:
        return write(is_true(*value) ? node.body : node.otherwise, current);
      case Node::Kind::with:
        return is_true(*value) ? write(node.body, *value) : write(node.otherwise, current);
    }
    return {};
  }

  Result<> write_length(const Node& node, const Json& value) {
    if (!value.is_structured() && !value.is_string() && !value.is_null()) {
      return format_error(node.operand.column,
                          fmt::format("a {} has no length", value.type_name()));
    }
    text_ += std::to_string(value.is_string() ? value.get_ref<const std::string&>().size()
                                              : value.size());
    return {};
  }

  Result<> write_range(const Node& node, const Json& list, const Json& current) {
    if (list.is_null() || (list.is_array() && list.empty())) {
      return write(node.otherwise, current);
    }
    if (!list.is_array()) {
      return format_error(node.operand.column,
                          fmt::format("'range' wants a list, not a JSON {}", list.type_name()));
    }
    for (const Json& element : list) {
      WEFT_TRY(write(node.body, element));
    }
    return {};
  }

  const Json& top_;
  std::string text_;
};

}  // namespace

Result<std::string> render_template(std::string_view text, const Json& report) {
  Nodes nodes;
  WEFT_TRY(nodes, TemplateReader(text).read());
  TemplateWriter writer(report);
  WEFT_TRY(writer.write(nodes, report));
  return writer.take();
}

}  // namespace weft::cli
