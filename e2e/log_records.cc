#include "e2e/log_records.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

#include "absl/strings/escaping.h"
#include "e2e/files.h"

namespace crisp::e2e {
namespace {

constexpr char kTimeShape[] = "0000-00-00T00:00:00.000000Z ";
constexpr std::array<const char*, 4> kLevels = {"debug", "info", "warning", "error"};

bool StartsWithTime(const std::string& line) {
  const std::string shape = kTimeShape;
  return line.size() > shape.size() && std::equal(shape.begin(), shape.end(), line.begin(), [](char want, char is) {
           return want == '0' ? std::isdigit(static_cast<unsigned char>(is)) != 0 : is == want;
         });
}

// The part of the line behind its time; empty if it has none.
std::string AfterTime(const std::string& line) {
  return StartsWithTime(line) ? line.substr(sizeof(kTimeShape) - 1) : "";
}

// The length of "key=" at `at`; 0 if there is none.
size_t KeyLength(const std::string& text, size_t at) {
  const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.", at);
  return end != std::string::npos && end > at && text[end] == '=' ? end + 1 - at : 0;
}

// Where the message ends: at the space before the first key, or at the end of the line.
size_t MessageEnd(const std::string& text) {
  for (size_t space = text.find(' '); space != std::string::npos; space = text.find(' ', space + 1)) {
    if (KeyLength(text, space + 1) > 0) return space;
  }
  return text.size();
}

std::string Unescaped(const std::string& text) {
  std::string plain, error;
  if (!absl::CUnescape(text, &plain, &error)) throw std::runtime_error("bad escape in the log: " + error);
  return plain;
}

// The quote that ends the string that begins behind `at`.
size_t ClosingQuote(const std::string& text, size_t at) {
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i;
    if (text[i] == '\\') ++i;
  }
  throw std::runtime_error("no end of the value in the log: " + text.substr(at));
}

// The value at `*at`, which is moved behind it. Only a value in quotes has escapes.
std::string TakeValue(const std::string& text, size_t* at) {
  const size_t begin = *at;
  if (begin < text.size() && text[begin] == '"') {
    const size_t end = ClosingQuote(text, begin);
    *at = end + 1;
    return Unescaped(text.substr(begin + 1, end - begin - 1));
  }
  *at = std::min(text.find(' ', begin), text.size());
  return text.substr(begin, *at - begin);
}

LogValues ParseFields(const std::string& text, size_t at) {
  LogValues fields;
  while (at < text.size()) {
    const size_t key = at + 1;
    const size_t length = text[at] == ' ' ? KeyLength(text, key) : 0;
    if (length == 0) throw std::runtime_error("not a field of the log: " + text.substr(at));
    at = key + length;
    fields[text.substr(key, length - 1)] = TakeValue(text, &at);
  }
  return fields;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const LogRecord& record) {
  out << record.level << " " << record.message;
  for (const auto& [key, value] : record.fields) out << " " << key << "=" << value;
  return out;
}

bool IsLogLine(const std::string& line) {
  const std::string rest = AfterTime(line);
  const std::string level = rest.substr(0, rest.find(' '));
  return level.size() < rest.size() && std::count(kLevels.begin(), kLevels.end(), level) > 0;
}

LogRecord ParseLogRecord(const std::string& line) {
  if (!IsLogLine(line)) throw std::runtime_error("not a line of the daemon's log: " + line);
  LogRecord record;
  const std::string rest = AfterTime(line);
  record.time = line.substr(0, line.find(' '));
  record.level = rest.substr(0, rest.find(' '));
  const std::string text = rest.substr(record.level.size() + 1);
  const size_t end = MessageEnd(text);
  record.message = Unescaped(text.substr(0, end));
  record.fields = ParseFields(text, end);
  return record;
}

std::vector<LogRecord> ParseLogRecords(const std::string& log) {
  std::vector<LogRecord> records;
  for (const std::string& line : Lines(log.substr(0, log.rfind('\n') + 1))) {
    if (IsLogLine(line)) records.push_back(ParseLogRecord(line));
  }
  return records;
}

::testing::Matcher<LogRecord> IsLogRecord(const std::string& message, const LogValues& fields) {
  using ::testing::Contains;
  using ::testing::Field;
  using ::testing::Pair;
  std::vector<::testing::Matcher<LogRecord>> parts = {Field("message", &LogRecord::message, message)};
  for (const auto& [key, value] : fields) {
    parts.push_back(Field("fields", &LogRecord::fields, Contains(Pair(key, value))));
  }
  return ::testing::AllOfArray(parts);
}

}  // namespace crisp::e2e
