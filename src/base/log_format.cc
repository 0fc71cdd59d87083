#include "base/log_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace crisp {
namespace {

absl::string_view LevelName(LogLevel level) {
  constexpr std::array<absl::string_view, 4> kNames = {"debug", "info", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

// Also for every character that CHexEscape changes: a reader then finds escapes between quotes only.
bool NeedsQuotes(absl::string_view value) {
  constexpr absl::string_view kSpecial = "\"'\\=";
  return value.empty() || std::any_of(value.begin(), value.end(), [kSpecial](char c) {
           return !absl::ascii_isgraph(static_cast<unsigned char>(c)) || absl::StrContains(kSpecial, c);
         });
}

void AppendJsonAscii(char c, std::string* out) {
  constexpr absl::string_view kHex = "0123456789abcdef";
  if (c == '"' || c == '\\') {
    out->push_back('\\');
    out->push_back(c);
  } else if (c == '\n') {
    out->append("\\n");
  } else if (c == '\t') {
    out->append("\\t");
  } else if (c < ' ' || c == '\x7f') {
    const auto byte = static_cast<uint8_t>(c);
    absl::StrAppend(out, "\\u00", kHex.substr(byte >> 4, 1), kHex.substr(byte & 15, 1));
  } else {
    out->push_back(c);
  }
}

// A character that JSON takes as it is. Most texts have no others.
bool IsPlain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    size_t length = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), IsPlain) - text.begin());
    if (length > 0) {
      out->append(text.data(), length);
    } else if (length = 1; static_cast<uint8_t>(text[0]) < 0x80) {
      AppendJsonAscii(text[0], out);
    } else if (const size_t sequence = Utf8SequenceLength(text); sequence != 0) {
      length = sequence;
      absl::StrAppend(out, text.substr(0, length));
    } else {
      out->append("\xef\xbf\xbd");
    }
    text.remove_prefix(length);
  }
  out->push_back('"');
}

// What both forms write alike. Six significant digits are enough for a fraction in a log.
struct PlainValue {
  void operator()(bool value) const { absl::StrAppend(line, value ? "true" : "false"); }
  void operator()(int64_t value) const { absl::StrAppend(line, value); }
  void operator()(uint64_t value) const { absl::StrAppend(line, value); }
  void operator()(double value) const { absl::StrAppend(line, value); }
  std::string* line;
};

struct TextValue : PlainValue {
  using PlainValue::operator();
  void operator()(absl::string_view value) const {
    const absl::string_view quote = NeedsQuotes(value) ? "\"" : "";
    absl::StrAppend(line, quote, absl::CHexEscape(value), quote);
  }
};

struct JsonValue : PlainValue {
  using PlainValue::operator();
  void operator()(absl::string_view value) const { AppendJsonString(value, line); }
  void operator()(double value) const {
    if (std::isfinite(value)) {
      absl::StrAppend(line, value);
    } else {
      line->append("null");
    }
  }
};

void AppendJsonFields(absl::Span<const LogField> fields, std::string* line) {
  for (const LogField& field : fields) {
    absl::StrAppend(line, ",\"", field.name(), "\":");
    std::visit(JsonValue{line}, field.value());
  }
}

}  // namespace

std::string FormatLogTime(const timespec& time, int digits) {
  using absl::Dec;
  tm utc{};
  gmtime_r(&time.tv_sec, &utc);
  std::string text = absl::StrCat(Dec(utc.tm_year + 1900, absl::kZeroPad4), "-", Dec(utc.tm_mon + 1, absl::kZeroPad2),
                                  "-", Dec(utc.tm_mday, absl::kZeroPad2), "T", Dec(utc.tm_hour, absl::kZeroPad2), ":",
                                  Dec(utc.tm_min, absl::kZeroPad2), ":", Dec(utc.tm_sec, absl::kZeroPad2), ".",
                                  Dec(time.tv_nsec, absl::kZeroPad9));
  text.resize(text.size() - 9 + static_cast<size_t>(digits));
  text.push_back('Z');
  return text;
}

std::string TextLogLine(LogLevel level, absl::string_view message, absl::Span<const LogField> fields) {
  std::string line = absl::StrCat(LevelName(level), " ", absl::CHexEscape(message));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.name(), "=");
    std::visit(TextValue{&line}, field.value());
  }
  return line;
}

std::string JsonLogLine(const timespec& time, LogLevel level, absl::string_view message,
                        absl::Span<const LogField> fields) {
  std::string line =
      absl::StrCat("{\"time\":\"", FormatLogTime(time, 9), "\",\"level\":\"", LevelName(level), "\",\"msg\":");
  AppendJsonString(message, &line);
  AppendJsonFields(fields, &line);
  line.push_back('}');
  return line;
}

std::string JsonLogFields(absl::Span<const LogField> fields) {
  std::string text;
  AppendJsonFields(fields, &text);
  return text;
}

absl::string_view JournalPriority(LogLevel level) {
  constexpr std::array<absl::string_view, 4> kPriorities = {"<7>", "<6>", "<4>", "<3>"};
  return kPriorities[static_cast<size_t>(level)];
}

}  // namespace crisp
