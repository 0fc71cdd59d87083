#include "shim/runtime_log.h"

#include <algorithm>
#include <cstdint>

namespace crisp::shim {
namespace {

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xc0 | code >> 6);
    *out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0xd800 || code > 0xdfff) {
    *out += static_cast<char>(0xe0 | code >> 12);
    *out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    *out += '?';  // half of a surrogate pair
  }
}

uint32_t HexValue(std::string_view digits) {
  uint32_t value = 0;
  for (const char c : digits) {
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'f';
    value = value * 16 + static_cast<uint32_t>(letter ? (c | 0x20) - 'a' + 10 : c - '0');
  }
  return value & 0xffff;
}

// Reads a string whose opening quote has been read, and leaves `text` after the closing quote.
std::string TakeString(std::string_view* text) {
  std::string value;
  size_t i = 0;
  for (; i < text->size() && (*text)[i] != '"'; ++i) {
    const char c = (*text)[i];
    if (c != '\\' || i + 1 >= text->size()) {
      value += c;
      continue;
    }
    const char escaped = (*text)[++i];
    if (escaped == 'u' && i + 4 < text->size()) {
      AppendUtf8(HexValue(text->substr(i + 1, 4)), &value);
      i += 4;
    } else {
      value += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
    }
  }
  text->remove_prefix(std::min(text->size(), i + 1));
  return value;
}

struct Entry {
  std::string level;
  std::string message;
};

Entry ParseLine(std::string_view line) {
  Entry entry;
  while (true) {
    const size_t quote = line.find('"');
    if (quote == std::string_view::npos) return entry;
    line.remove_prefix(quote + 1);
    const std::string key = TakeString(&line);
    const size_t value = line.find_first_not_of(" :");
    if (value == std::string_view::npos || line[value] != '"') continue;
    line.remove_prefix(value + 1);
    std::string text = TakeString(&line);
    if (key == "level") entry.level = std::move(text);
    if (key == "msg") entry.message = std::move(text);
  }
}

std::string_view TakeLine(std::string_view* text) {
  const std::string_view line = text->substr(0, text->find('\n'));
  text->remove_prefix(std::min(text->size(), line.size() + 1));
  return line;
}

}  // namespace

std::string LastRuntimeError(std::string_view log) {
  std::string last;
  std::string last_error;
  while (!log.empty()) {
    Entry entry = ParseLine(TakeLine(&log));
    if (entry.message.empty()) continue;
    const bool is_error = entry.level == "error" || entry.level == "fatal" || entry.level == "panic";
    (is_error ? last_error : last) = std::move(entry.message);
  }
  return last_error.empty() ? last : last_error;
}

std::string LastLine(std::string_view text) {
  std::string last;
  while (!text.empty()) {
    const std::string_view line = TakeLine(&text);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) last.assign(line);
  }
  return last;
}

}  // namespace crisp::shim
