#include "client/format_template.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/format_expression.h"

namespace crisp::client {
namespace format {

struct Node {
  enum class Kind { kText, kValue, kBlock, kIf, kRange, kWith };

  Kind kind = Kind::kBlock;
  std::string text;                // kText
  std::vector<std::string> words;  // the expression
  std::string key, item;           // kRange: the variables, with "$"; or empty
  std::vector<Node> body, otherwise;
};

namespace {

using Kind = Node::Kind;

struct Token {
  bool action = false;
  std::string text;
};

// Go's escapes are written in shells' single quotes: \n and \t mean what they say.
std::string Unescaped(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && absl::StrContains("nt\\", text.substr(i + 1, 1))) {
      ++i;
      out += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : '\\';
    } else {
      out += text[i];
    }
  }
  return out;
}

absl::StatusOr<std::vector<Token>> Tokens(absl::string_view text) {
  std::vector<Token> tokens;
  bool trim = false;
  while (!text.empty()) {
    const size_t open = std::min(text.find("{{"), text.size());
    std::string plain = Unescaped(text.substr(0, open));
    text.remove_prefix(open);
    const bool trim_end = absl::StartsWith(text, "{{- ");
    if (trim) plain = std::string(absl::StripLeadingAsciiWhitespace(plain));
    if (trim_end) plain = std::string(absl::StripTrailingAsciiWhitespace(plain));
    if (!plain.empty()) tokens.push_back({false, std::move(plain)});
    if (text.empty()) break;
    const size_t close = text.find("}}");
    if (close == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("\"", text.substr(0, 20), "\" is not closed by }}"));
    }
    absl::string_view action = text.substr(2, close - 2);
    trim = absl::ConsumeSuffix(&action, " -");
    if (trim_end) action.remove_prefix(1);
    tokens.push_back({true, std::string(absl::StripAsciiWhitespace(action))});
    text.remove_prefix(close + 2);
  }
  return tokens;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<Node> Whole() {
    Node root;
    RETURN_IF_ERROR(Body(&root.body));
    if (at_ < tokens_.size()) {
      return absl::InvalidArgumentError(absl::StrCat("{{", tokens_[at_].text, "}} has nothing to end"));
    }
    return root;
  }

 private:
  bool AtAction(absl::string_view name) const {
    return at_ < tokens_.size() && tokens_[at_].action &&
           (tokens_[at_].text == name || absl::StartsWith(tokens_[at_].text, absl::StrCat(name, " ")));
  }

  // Up to {{end}} or {{else}}, which stays.
  absl::Status Body(std::vector<Node>* body) {
    for (; at_ < tokens_.size() && !AtAction("end") && !AtAction("else"); ++at_) {
      const Token& token = tokens_[at_];
      if (token.action && absl::StartsWith(token.text, "/*")) continue;
      Node node;
      if (!token.action) {
        node.kind = Kind::kText;
        node.text = token.text;
      } else if (AtAction("if") || AtAction("range") || AtAction("with")) {
        RETURN_IF_ERROR(Control(token.text, &node));
      } else {
        node.kind = Kind::kValue;
        ASSIGN_OR_RETURN(node.words, Words(token.text));
      }
      body->push_back(std::move(node));
    }
    return absl::OkStatus();
  }

  // {{if}}, {{range}} or {{with}} up to its {{end}}, where at_ is then.
  absl::Status Control(std::string text, Node* node) {
    const std::string name = text.substr(0, text.find(' '));
    node->kind = name == "if" ? Kind::kIf : name == "with" ? Kind::kWith : Kind::kRange;
    ASSIGN_OR_RETURN(node->words, Words(text.substr(name.size())));
    TakeVariables(node);
    ++at_;
    RETURN_IF_ERROR(Body(&node->body));
    if (AtAction("else")) RETURN_IF_ERROR(Else(&node->otherwise));
    if (!AtAction("end")) return absl::InvalidArgumentError(absl::StrCat("{{", text, "}} has no {{end}}"));
    return absl::OkStatus();
  }

  absl::Status Else(std::vector<Node>* otherwise) {
    absl::string_view rest = tokens_[at_].text;
    absl::ConsumePrefix(&rest, "else");
    rest = absl::StripAsciiWhitespace(rest);
    if (!absl::StartsWith(rest, "if ")) {
      ++at_;
      return Body(otherwise);
    }
    return Control(std::string(rest), &otherwise->emplace_back());
  }

  // "$key, $item :=" and "$item :=".
  static void TakeVariables(Node* node) {
    std::vector<std::string>& words = node->words;
    if (words.size() > 4 && words[1] == "," && words[3] == ":=") {
      node->key = words[0];
      node->item = words[2];
      words.erase(words.begin(), words.begin() + 4);
    } else if (words.size() > 2 && words[1] == ":=") {
      node->item = words[0];
      words.erase(words.begin(), words.begin() + 2);
    }
  }

  const std::vector<Token> tokens_;
  size_t at_ = 0;
};

absl::Status RenderAll(const std::vector<Node>& nodes, const Scope& scope, std::string* out);

absl::Status RenderRange(const Node& node, const Value& list, const Scope& scope, std::string* out) {
  if (list.empty()) return RenderAll(node.otherwise, scope, out);
  size_t number = 0;
  for (const auto& [key, item] : list.items()) {
    Scope inner = scope;
    inner.dot = &item;
    if (!node.key.empty()) inner.variables[node.key] = list.is_array() ? Value(number) : Value(key);
    if (!node.item.empty()) inner.variables[node.item] = item;
    RETURN_IF_ERROR(RenderAll(node.body, inner, out));
    ++number;
  }
  return absl::OkStatus();
}

absl::Status Render(const Node& node, const Scope& scope, std::string* out) {
  if (node.kind == Kind::kText) {
    *out += node.text;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Value value, Evaluate(node.words, scope));
  if (node.kind == Kind::kRange) return RenderRange(node, value, scope, out);
  if (node.kind == Kind::kValue) {
    *out += Printed(value);
    return absl::OkStatus();
  }
  if (!IsTrue(value)) return RenderAll(node.otherwise, scope, out);
  Scope inner = scope;
  if (node.kind == Kind::kWith) inner.dot = &value;
  return RenderAll(node.body, inner, out);
}

absl::Status RenderAll(const std::vector<Node>& nodes, const Scope& scope, std::string* out) {
  for (const Node& node : nodes) RETURN_IF_ERROR(Render(node, scope, out));
  return absl::OkStatus();
}

}  // namespace
}  // namespace format

absl::StatusOr<FormatTemplate> FormatTemplate::Parse(absl::string_view text) {
  const std::string what = absl::StrCat("the template \"", text, "\"");
  ASSIGN_OR_RETURN(std::vector<format::Token> tokens, format::Tokens(text), what);
  ASSIGN_OR_RETURN(format::Node root, format::Parser(std::move(tokens)).Whole(), what);
  return FormatTemplate(std::make_shared<const format::Node>(std::move(root)));
}

absl::StatusOr<std::string> FormatTemplate::Render(const nlohmann::ordered_json& value) const {
  format::Scope scope;
  scope.dot = &value;
  scope.variables["$"] = value;
  std::string out;
  RETURN_IF_ERROR(format::RenderAll(root_->body, scope, &out), "the template");
  return out;
}

}  // namespace crisp::client
