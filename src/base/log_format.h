// The two forms of a log line: text for people, JSON for log collectors. Pure functions; base/log.h writes the lines.
//
//   text: info pulled image image=busybox:1 bytes=4261
//   JSON: {"time":"2026-11-23T10:00:00.123456789Z","level":"info","msg":"pulled
//   image","image":"busybox:1","bytes":4261}
//
// A line is always one line: control characters are escaped, so no value can forge a field or a line.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <type_traits>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace crisp {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarning, kError };
enum class LogFormat : unsigned char { kText, kJson };

// A name and a value: text, number or flag. Refers to its texts, which must live until the line is written. Names are
// identifiers of our own, other than time, level and msg.
class LogField {
 public:
  using Value = std::variant<absl::string_view, bool, int64_t, uint64_t, double>;

  LogField(absl::string_view name, absl::string_view value) : name_(name), value_(value) {}
  LogField(absl::string_view name, const char* value) : name_(name), value_(absl::string_view(value)) {}
  LogField(absl::string_view name, const std::string& value) : name_(name), value_(absl::string_view(value)) {}
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
  LogField(absl::string_view name, T value) : name_(name), value_(ToValue(value)) {}

  absl::string_view name() const { return name_; }
  const Value& value() const { return value_; }

 private:
  template <typename T>
  static Value ToValue(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      return value;
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(value);
    } else if constexpr (std::is_signed_v<T>) {
      return static_cast<int64_t>(value);
    } else {
      return static_cast<uint64_t>(value);
    }
  }

  absl::string_view name_;
  Value value_;
};

// UTC, RFC 3339, with `digits` (1 to 9) digits of the second's fraction.
std::string FormatLogTime(const timespec& time, int digits);

// "info pulled image image=busybox:1". Everything but printable ASCII is written as C escapes.
std::string TextLogLine(LogLevel level, absl::string_view message, absl::Span<const LogField> fields);

// One object with time, level, msg and then the fields. Valid UTF-8 for any input: each byte that is not part of a
// well-formed sequence becomes U+FFFD. A number that is not finite becomes null.
std::string JsonLogLine(const timespec& time, LogLevel level, absl::string_view message,
                        absl::Span<const LogField> fields);

// How these fields stand in a JsonLogLine that has them one behind the other:
// ",\"image\":\"busybox:1\",\"bytes\":4261". No text in a line can look like that, since its quotes are escaped.
std::string JsonLogFields(absl::Span<const LogField> fields);

// sd-daemon(3): "<7>" for debug to "<3>" for errors, at the start of a line.
absl::string_view JournalPriority(LogLevel level);

}  // namespace crisp
