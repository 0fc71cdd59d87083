#include "client/format_expression.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace crisp::client::format {
namespace {

using Arguments = std::vector<Value>;
using Function = absl::StatusOr<Value> (*)(const Arguments&);

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(std::string(what));
}

std::string DumpOf(const Value& value) {
  return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

absl::StatusOr<Value> Json(const Arguments& args) {
  if (args.size() != 1) return Wrong("json takes one value");
  return Value(DumpOf(args[0]));
}

absl::StatusOr<Value> Join(const Arguments& args) {
  if (args.size() != 2 || !args[0].is_array()) return Wrong("join takes a list and a separator");
  std::vector<std::string> parts;
  for (const Value& item : args[0]) parts.push_back(Printed(item));
  return Value(absl::StrJoin(parts, Printed(args[1])));
}

absl::StatusOr<Value> Len(const Arguments& args) {
  if (args.size() != 1) return Wrong("len takes one value");
  return Value(args[0].is_string() ? args[0].get<std::string>().size() : args[0].size());
}

absl::StatusOr<Value> Upper(const Arguments& args) {
  if (args.size() != 1) return Wrong("upper takes one value");
  return Value(absl::AsciiStrToUpper(Printed(args[0])));
}

absl::StatusOr<Value> Lower(const Arguments& args) {
  if (args.size() != 1) return Wrong("lower takes one value");
  return Value(absl::AsciiStrToLower(Printed(args[0])));
}

absl::StatusOr<Value> Title(const Arguments& args) {
  if (args.size() != 1) return Wrong("title takes one value");
  std::string text = Printed(args[0]);
  if (!text.empty()) text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  return Value(text);
}

absl::StatusOr<Value> Truncate(const Arguments& args) {
  if (args.size() != 2 || !args[1].is_number_unsigned()) return Wrong("truncate takes a value and a length");
  return Value(Printed(args[0]).substr(0, args[1].get<size_t>()));
}

absl::StatusOr<Value> Println(const Arguments& args) {
  std::vector<std::string> parts;
  for (const Value& arg : args) parts.push_back(Printed(arg));
  return Value(absl::StrCat(absl::StrJoin(parts, " "), "\n"));
}

absl::StatusOr<Value> Printf(const Arguments& args) {
  if (args.empty() || !args[0].is_string()) return Wrong("printf takes a format");
  const std::string format = args[0];
  std::string text;
  size_t next = 1;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      text += format[i];
    } else if (format[++i] == '%') {
      text += '%';
    } else if (next < args.size()) {
      text += format[i] == 'q' ? DumpOf(args[next]) : Printed(args[next]);
      ++next;
    } else {
      return Wrong("printf has fewer values than its format");
    }
  }
  return Value(text);
}

absl::StatusOr<Value> Index(const Arguments& args) {
  if (args.empty()) return Wrong("index takes a list or map");
  Value value = args[0];
  for (size_t i = 1; i < args.size(); ++i) {
    if (value.is_array() && args[i].is_number_unsigned() && args[i].get<size_t>() < value.size()) {
      value = Value(value[args[i].get<size_t>()]);
    } else if (value.is_object() && args[i].is_string()) {
      const auto found = value.find(args[i].get<std::string>());
      value = found == value.end() ? Value("") : Value(*found);
    } else {
      return Wrong(absl::StrCat("index ", DumpOf(args[i]), " is not in it"));
    }
  }
  return value;
}

absl::StatusOr<Value> Not(const Arguments& args) {
  if (args.size() != 1) return Wrong("not takes one value");
  return Value(!IsTrue(args[0]));
}

absl::StatusOr<Value> And(const Arguments& args) {
  if (args.empty()) return Wrong("and takes values");
  for (const Value& arg : args) {
    if (!IsTrue(arg)) return arg;
  }
  return args.back();
}

absl::StatusOr<Value> Or(const Arguments& args) {
  if (args.empty()) return Wrong("or takes values");
  for (const Value& arg : args) {
    if (IsTrue(arg)) return arg;
  }
  return args.back();
}

absl::StatusOr<Value> Eq(const Arguments& args) {
  if (args.size() < 2) return Wrong("eq takes two values");
  return Value(std::any_of(args.begin() + 1, args.end(), [&](const Value& arg) { return arg == args[0]; }));
}

absl::StatusOr<Value> Ne(const Arguments& args) {
  if (args.size() != 2) return Wrong("ne takes two values");
  return Value(args[0] != args[1]);
}

absl::StatusOr<Value> Lt(const Arguments& args) {
  if (args.size() != 2) return Wrong("lt takes two values");
  return Value(args[0] < args[1]);
}

absl::StatusOr<Value> Gt(const Arguments& args) {
  if (args.size() != 2) return Wrong("gt takes two values");
  return Value(args[1] < args[0]);
}

const std::map<std::string, Function>& Functions() {
  static const std::map<std::string, Function> functions = {{"json", Json},
                                                            {"join", Join},
                                                            {"len", Len},
                                                            {"upper", Upper},
                                                            {"lower", Lower},
                                                            {"title", Title},
                                                            {"truncate", Truncate},
                                                            {"println", Println},
                                                            {"printf", Printf},
                                                            {"index", Index},
                                                            {"not", Not},
                                                            {"and", And},
                                                            {"or", Or},
                                                            {"eq", Eq},
                                                            {"ne", Ne},
                                                            {"lt", Lt},
                                                            {"gt", Gt}};
  return functions;
}

absl::StatusOr<Value> FieldOf(const Value& value, absl::string_view path) {
  const Value* at = &value;
  for (const absl::string_view name : absl::StrSplit(path, '.', absl::SkipEmpty())) {
    if (!at->is_object()) return Wrong(absl::StrCat("there is no field ", name, " in ", DumpOf(*at)));
    const auto found = at->find(std::string(name));
    if (found == at->end()) {
      std::vector<std::string> names;
      for (const auto& [key, unused] : at->items()) names.push_back(key);
      return Wrong(absl::StrCat("there is no field ", name, "; there are ", absl::StrJoin(names, ", ")));
    }
    at = &*found;
  }
  return *at;
}

absl::StatusOr<Value> Operand(const std::string& word, const Scope& scope) {
  if (word[0] == '"' || word[0] == '`') {
    if (word[0] == '`') return Value(word.substr(1, word.size() - 2));
    const Value text = Value::parse(word, nullptr, /*allow_exceptions=*/false);
    if (text.is_string()) return text;
    return Wrong(absl::StrCat(word, " is no string"));
  }
  if (word[0] == '.') return FieldOf(*scope.dot, word);
  if (word[0] == '$') {
    const size_t dot = std::min(word.find('.'), word.size());
    const auto found = scope.variables.find(word.substr(0, dot));
    if (found == scope.variables.end()) return Wrong(absl::StrCat("there is no variable ", word.substr(0, dot)));
    return FieldOf(found->second, word.substr(dot));
  }
  if (word == "true" || word == "false") return Value(word == "true");
  if (uint64_t number = 0; absl::SimpleAtoi(word, &number)) return Value(number);
  if (int64_t number = 0; absl::SimpleAtoi(word, &number)) return Value(number);
  return Wrong(absl::StrCat("\"", word,
                            "\" is no function; there are json, join, len, upper, lower, title, truncate, "
                            "index, printf, println, not, and, or, eq, ne, lt, gt"));
}

// The words from `*at` up to the parenthesis that closes, or the end.
absl::StatusOr<Value> Pipe(const std::vector<std::string>& words, size_t* at, const Scope& scope);

absl::StatusOr<Value> Argument(const std::vector<std::string>& words, size_t* at, const Scope& scope) {
  if (words[*at] != "(") return Operand(words[(*at)++], scope);
  ++*at;
  ASSIGN_OR_RETURN(Value value, Pipe(words, at, scope));
  if (*at >= words.size()) return Wrong("a parenthesis is not closed");
  ++*at;
  return value;
}

bool Ends(const std::vector<std::string>& words, size_t at) {
  return at >= words.size() || words[at] == "|" || words[at] == ")";
}

absl::StatusOr<Value> OneCommand(const std::vector<std::string>& words, size_t* at, const Scope& scope,
                                 const Value* piped) {
  if (Ends(words, *at)) return Wrong("something is missing");
  const auto function = Functions().find(words[*at]);
  Arguments arguments;
  if (function != Functions().end()) ++*at;
  while (!Ends(words, *at)) {
    ASSIGN_OR_RETURN(Value argument, Argument(words, at, scope));
    arguments.push_back(std::move(argument));
  }
  if (piped != nullptr) {
    // As Sprig does, and unlike Go: `.Args | join " "` and `.ID | truncate 12` read the value first.
    const bool first = function != Functions().end() && (function->first == "join" || function->first == "truncate");
    arguments.insert(first ? arguments.begin() : arguments.end(), *piped);
  }
  if (function != Functions().end()) return function->second(arguments);
  if (arguments.size() != 1) return Wrong(absl::StrCat("\"", words[*at - 1], "\" is one word too much"));
  return arguments[0];
}

absl::StatusOr<Value> Pipe(const std::vector<std::string>& words, size_t* at, const Scope& scope) {
  ASSIGN_OR_RETURN(Value value, OneCommand(words, at, scope, nullptr));
  while (*at < words.size() && words[*at] == "|") {
    ++*at;
    absl::StatusOr<Value> next = OneCommand(words, at, scope, &value);
    RETURN_IF_ERROR(next);
    value = *std::move(next);
  }
  return value;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Words(absl::string_view text) {
  std::vector<std::string> words;
  for (size_t i = 0; i < text.size();) {
    if (absl::ascii_isspace(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    if (text[i] == '"' || text[i] == '`') {
      while (end < text.size() && text[end] != text[i]) end += text[i] == '"' && text[end] == '\\' ? 2 : 1;
      if (end >= text.size()) return Wrong(absl::StrCat("a string is not closed in {{", text, "}}"));
      ++end;
    } else if (!absl::StrContains("()|,", text.substr(i, 1))) {
      while (end < text.size() && !absl::StrContains(" \t\n()|,\"`", text.substr(end, 1))) ++end;
    }
    words.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return words;
}

absl::StatusOr<Value> Evaluate(const std::vector<std::string>& words, const Scope& scope) {
  size_t at = 0;
  ASSIGN_OR_RETURN(Value value, Pipe(words, &at, scope));
  if (at < words.size()) return Wrong("a parenthesis closes nothing");
  return value;
}

bool IsTrue(const Value& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != 0;
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return !value.empty();
}

std::string Printed(const Value& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<nil>";
  std::vector<std::string> parts;
  if (value.is_array()) {
    for (const Value& item : value) parts.push_back(Printed(item));
    return absl::StrCat("[", absl::StrJoin(parts, " "), "]");
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) parts.push_back(absl::StrCat(key, ":", Printed(item)));
    return absl::StrCat("map[", absl::StrJoin(parts, " "), "]");
  }
  return DumpOf(value);
}

}  // namespace crisp::client::format
