#include "network/conf_template.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/excerpt.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr int kMostNested = 100;

enum class Type { kData, kNumber, kText, kList };

// The fields of the data that "." is outside of any range.
const std::map<absl::string_view, Type>& Fields() {
  static const auto& fields = *new std::map<absl::string_view, Type>{
      {"PodCIDR", Type::kText}, {"PodCIDRRanges", Type::kList}, {"Routes", Type::kList}};
  return fields;
}

// A text, or an action without its braces.
struct Piece {
  bool is_action = false;
  std::string text;
  size_t line = 1;

  absl::Status Error(absl::string_view why) const {
    return absl::InternalError(absl::StrCat("line ", line, ": {{", Excerpt(text), "}}: ", why));
  }
};

// --- Text to pieces ---

bool StartsWithSpace(absl::string_view text) {
  return !text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.front()));
}

bool EndsWithSpace(absl::string_view text) {
  return !text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()));
}

size_t LinesIn(absl::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

class Splitter {
 public:
  explicit Splitter(absl::string_view text) : left_(text) {}

  absl::StatusOr<std::vector<Piece>> Split() {
    for (;;) {
      const size_t begin = left_.find("{{");
      AddText(left_.substr(0, begin));
      if (begin == absl::string_view::npos) return std::move(pieces_);
      Take(begin + 2);
      RETURN_IF_ERROR(AddAction());
    }
  }

 private:
  void Take(size_t bytes) {
    line_ += LinesIn(left_.substr(0, bytes));
    left_.remove_prefix(std::min(bytes, left_.size()));
  }

  // "-}}" before a text removes the space that it begins with.
  void AddText(absl::string_view text) {
    pieces_.push_back({false, std::string(trim_ ? absl::StripLeadingAsciiWhitespace(text) : text), line_});
    trim_ = false;
  }

  // `left_` is behind the braces that open the action.
  absl::Status AddAction() {
    Piece action{true, "", line_};
    if (absl::StartsWith(left_, "-") && StartsWithSpace(left_.substr(1))) {
      absl::StripTrailingAsciiWhitespace(&pieces_.back().text);
      Take(1);
    }
    const absl::string_view begin = absl::StripLeadingAsciiWhitespace(left_);
    const bool is_comment = absl::StartsWith(begin, "/*");
    // Braces in a comment close nothing.
    const size_t from = is_comment ? left_.find("*/") : 0;
    const size_t end = from == absl::string_view::npos ? from : left_.find("}}", from);
    if (end == absl::string_view::npos) {
      action.text = std::string(left_.substr(0, left_.find('\n')));
      return action.Error("is not closed");
    }
    absl::string_view inside = left_.substr(0, end);
    if (absl::EndsWith(inside, "-") && EndsWithSpace(inside.substr(0, inside.size() - 1))) {
      inside.remove_suffix(1);
      trim_ = true;
    }
    action.text = std::string(absl::StripAsciiWhitespace(inside));
    Take(end + 2);
    if (!is_comment) {
      pieces_.push_back(std::move(action));
    } else if (!absl::EndsWith(action.text, "*/")) {
      return action.Error("has something behind its comment");
    }
    return absl::OkStatus();
  }

  absl::string_view left_;
  size_t line_ = 1;
  bool trim_ = false;
  std::vector<Piece> pieces_;
};

// --- Pieces to nodes ---

// ".", ".Field", "$", "$.Field" or "$variable".
struct Reference {
  std::string variable;  // with its "$"; empty: the dot
  std::string field;
};

struct Node {
  enum class Kind { kText, kValue, kIf, kRange };

  Kind kind = Kind::kText;
  std::string text{};
  Reference value{};
  std::string index{};  // of a range: names of variables, may be empty
  std::string element{};
  std::vector<Node> body{};
  std::vector<Node> otherwise{};
};

// The words of an action: names and references, "," and ":=".
std::vector<std::string> WordsOf(absl::string_view action) {
  std::vector<std::string> words;
  const auto is_of_name = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.';
  };
  while (!(action = absl::StripLeadingAsciiWhitespace(action)).empty()) {
    size_t size = static_cast<size_t>(std::find_if_not(action.begin(), action.end(), is_of_name) - action.begin());
    if (size == 0) size = absl::StartsWith(action, ":=") ? 2 : 1;
    words.emplace_back(action.substr(0, size));
    action.remove_prefix(size);
  }
  return words;
}

bool IsVariable(absl::string_view word) {
  return word.size() > 1 && word.front() == '$' && !absl::StrContains(word.substr(1), ".") &&
         !absl::StrContains(word.substr(1), "$");
}

class Parser {
 public:
  explicit Parser(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  absl::StatusOr<std::vector<Node>> Parse() {
    ASSIGN_OR_RETURN(std::vector<Node> nodes, ParseList());
    if (!AtEnd()) return Current().Error("belongs to no if or range");
    return nodes;
  }

 private:
  // What names mean at a place.
  struct Scope {
    Type dot = Type::kData;
    std::map<std::string, Type> variables{{"$", Type::kData}};
  };

  bool AtEnd() const { return next_ == pieces_.size(); }
  const Piece& Current() const { return pieces_[next_]; }

  // As far as an "else" or "end" that belongs to who calls, or the end of the text.
  absl::StatusOr<std::vector<Node>> ParseList() {
    std::vector<Node> nodes;
    for (; !AtEnd(); ++next_) {
      const Piece& piece = Current();
      if (!piece.is_action) {
        nodes.push_back({.text = piece.text});
        continue;
      }
      const std::vector<std::string> words = WordsOf(piece.text);
      if (!words.empty() && (words[0] == "else" || words[0] == "end")) break;
      ASSIGN_OR_RETURN(Node node, ParseAction(piece, words));
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

  absl::StatusOr<Node> ParseAction(const Piece& piece, const std::vector<std::string>& words) {
    if (!words.empty() && words[0] == "if") return ParseIf(piece, {words.begin() + 1, words.end()});
    if (!words.empty() && words[0] == "range") return ParseRange(piece, {words.begin() + 1, words.end()});
    Node node{.kind = Node::Kind::kValue};
    ASSIGN_OR_RETURN(node.value, ParseReference(piece, words));
    return node;
  }

  absl::StatusOr<Reference> ParseReference(const Piece& piece, const std::vector<std::string>& words) const {
    if (words.size() != 1 || (words[0].front() != '.' && words[0].front() != '$')) {
      return piece.Error("is not understood: crisp knows values, if, else, range, end and comments");
    }
    const size_t dot = std::min(words[0].find('.'), words[0].size());
    Reference reference{words[0].substr(0, dot), dot < words[0].size() ? words[0].substr(dot + 1) : ""};
    ASSIGN_OR_RETURN(const Type type, TypeOf(piece, reference));
    if (type == Type::kData) return piece.Error("is not a value: name a field, as in .PodCIDR");
    return reference;
  }

  absl::StatusOr<Type> TypeOf(const Piece& piece, const Reference& reference) const {
    Type type = scope_.dot;
    if (!reference.variable.empty()) {
      const auto found = scope_.variables.find(reference.variable);
      if (found == scope_.variables.end()) return piece.Error("there is no such variable here");
      type = found->second;
    }
    if (reference.field.empty()) return type;
    if (type != Type::kData) return piece.Error("there are no fields here: inside of a range write $.PodCIDR");
    const auto field = Fields().find(reference.field);
    if (field != Fields().end()) return field->second;
    return piece.Error("there is no such field: there are .PodCIDR, .PodCIDRRanges and .Routes");
  }

  absl::StatusOr<Node> ParseIf(const Piece& piece, const std::vector<std::string>& condition) {
    Node node{.kind = Node::Kind::kIf};
    ASSIGN_OR_RETURN(node.value, ParseReference(piece, condition));
    RETURN_IF_ERROR(ParseBody(piece, &node.body));
    const Piece& end = Current();
    const std::vector<std::string> words = WordsOf(end.text);
    if (words.size() > 1 && words[0] == "else" && words[1] == "if") {
      // Its "end" is this node's too.
      ASSIGN_OR_RETURN(Node chained, ParseIf(end, {words.begin() + 2, words.end()}));
      node.otherwise.push_back(std::move(chained));
      return node;
    }
    RETURN_IF_ERROR(ParseElseAndEnd(piece, &node.otherwise));
    return node;
  }

  absl::StatusOr<Node> ParseRange(const Piece& piece, std::vector<std::string> words) {
    Node node{.kind = Node::Kind::kRange};
    if (words.size() > 3 && IsVariable(words[0]) && words[1] == "," && IsVariable(words[2]) && words[3] == ":=") {
      node.index = words[0];
      node.element = words[2];
      words.erase(words.begin(), words.begin() + 4);
    } else if (words.size() > 1 && IsVariable(words[0]) && words[1] == ":=") {
      node.element = words[0];
      words.erase(words.begin(), words.begin() + 2);
    }
    ASSIGN_OR_RETURN(node.value, ParseReference(piece, words));
    ASSIGN_OR_RETURN(const Type type, TypeOf(piece, node.value));
    if (type != Type::kList) return piece.Error("is not over a list: there are .PodCIDRRanges and .Routes");
    const Scope outside = scope_;
    scope_.dot = Type::kText;
    if (!node.index.empty()) scope_.variables[node.index] = Type::kNumber;
    if (!node.element.empty()) scope_.variables[node.element] = Type::kText;
    RETURN_IF_ERROR(ParseBody(piece, &node.body));
    scope_ = outside;
    RETURN_IF_ERROR(ParseElseAndEnd(piece, &node.otherwise));
    return node;
  }

  // What follows the action `begin`, as far as its "else" or "end".
  absl::Status ParseBody(const Piece& begin, std::vector<Node>* body) {
    if (++nested_ > kMostNested) return begin.Error("is nested too deeply");
    ++next_;
    ASSIGN_OR_RETURN(*body, ParseList());
    --nested_;
    return AtEnd() ? begin.Error("has no end") : absl::OkStatus();
  }

  absl::Status ParseElseAndEnd(const Piece& begin, std::vector<Node>* otherwise) {
    if (Current().text == "else") RETURN_IF_ERROR(ParseBody(begin, otherwise));
    if (Current().text == "end") return absl::OkStatus();
    return Current().Error("is not understood: expected an end");
  }

  const std::vector<Piece> pieces_;
  size_t next_ = 0;
  int nested_ = 0;
  Scope scope_;
};

absl::StatusOr<std::vector<Node>> Parse(absl::string_view text) {
  ASSIGN_OR_RETURN(std::vector<Piece> pieces, Splitter(text).Split());
  return Parser(std::move(pieces)).Parse();
}

// --- Nodes to text ---

struct Value {
  Type type = Type::kData;
  size_t number = 0;
  std::string text{};
  std::vector<std::string> list{};

  bool IsTrue() const { return number != 0 || !text.empty() || !list.empty(); }
  // As Go prints it.
  std::string ToText() const {
    if (type == Type::kNumber) return absl::StrCat(number);
    return type == Type::kList ? absl::StrCat("[", absl::StrJoin(list, " "), "]") : text;
  }
};

std::vector<std::string> RoutesOf(const std::vector<std::string>& cidrs) {
  const auto is_v6 = [](const std::string& cidr) { return absl::StrContains(cidr, ":"); };
  std::vector<std::string> routes;
  if (!std::all_of(cidrs.begin(), cidrs.end(), is_v6)) routes.emplace_back("0.0.0.0/0");
  if (std::any_of(cidrs.begin(), cidrs.end(), is_v6)) routes.emplace_back("::/0");
  return routes;
}

class Renderer {
 public:
  explicit Renderer(const std::vector<std::string>& cidrs) : cidrs_(cidrs) {}

  void Render(const std::vector<Node>& nodes, std::string* out) {
    for (const Node& node : nodes) {
      switch (node.kind) {
        case Node::Kind::kText:
          out->append(node.text);
          break;
        case Node::Kind::kValue:
          out->append(ValueOf(node.value).ToText());
          break;
        case Node::Kind::kIf:
          Render(ValueOf(node.value).IsTrue() ? node.body : node.otherwise, out);
          break;
        case Node::Kind::kRange:
          RenderRange(node, out);
          break;
      }
    }
  }

 private:
  void RenderRange(const Node& node, std::string* out) {
    const std::vector<std::string> list = ValueOf(node.value).list;
    if (list.empty()) return Render(node.otherwise, out);
    const std::map<std::string, Value> outside = variables_;
    const Value dot_outside = dot_;
    for (size_t i = 0; i < list.size(); ++i) {
      dot_ = {.type = Type::kText, .text = list[i]};
      if (!node.index.empty()) variables_[node.index] = {.type = Type::kNumber, .number = i};
      if (!node.element.empty()) variables_[node.element] = dot_;
      Render(node.body, out);
    }
    variables_ = outside;
    dot_ = dot_outside;
  }

  // The parser has seen that it is there.
  Value ValueOf(const Reference& reference) const {
    if (reference.field == "PodCIDR") return {.type = Type::kText, .text = cidrs_.front()};
    if (reference.field == "PodCIDRRanges") return {.type = Type::kList, .list = cidrs_};
    if (reference.field == "Routes") return {.type = Type::kList, .list = RoutesOf(cidrs_)};
    return reference.variable.empty() ? dot_ : variables_.at(reference.variable);
  }

  const std::vector<std::string>& cidrs_;
  Value dot_;
  std::map<std::string, Value> variables_;
};

}  // namespace

absl::Status CheckConfTemplate(absl::string_view text) {
  return Parse(text).status();
}

absl::StatusOr<std::string> RenderConfTemplate(absl::string_view text, const std::vector<std::string>& cidrs) {
  ASSIGN_OR_RETURN(const std::vector<Node> nodes, Parse(text));
  std::string rendered;
  Renderer(cidrs).Render(nodes, &rendered);
  return rendered;
}

}  // namespace crisp
