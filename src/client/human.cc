#include "client/human.h"

#include <array>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace crisp::client {
namespace {

constexpr int64_t kSecond = 1000000000;

std::string Count(int64_t number, const char* unit) {
  return absl::StrCat(number, " ", unit, number == 1 ? "" : "s");
}

// The digits, signs and points that `text` begins with, which are taken from it.
std::optional<double> TakeNumber(absl::string_view* text) {
  size_t length = 0;
  while (length < text->size() && (absl::ascii_isdigit((*text)[length]) || (*text)[length] == '.')) ++length;
  double number = 0;
  if (!absl::SimpleAtod(text->substr(0, length), &number)) return std::nullopt;
  text->remove_prefix(length);
  return number;
}

std::optional<double> UnitOf(absl::string_view* text) {
  static constexpr std::array<std::pair<absl::string_view, double>, 8> kUnits = {
      {{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};
  for (const auto& [name, nanoseconds] : kUnits) {
    if (absl::ConsumePrefix(text, name)) return nanoseconds;
  }
  return std::nullopt;
}

}  // namespace

std::string HumanBytes(uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double number = static_cast<double>(bytes);
  size_t unit = 0;
  while (number >= 1023.95 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", number, kUnits.at(unit));
}

std::string HumanDuration(int64_t nanoseconds) {
  const int64_t seconds = nanoseconds / kSecond;
  if (seconds < 1) return "Less than a second";
  if (seconds < 60) return Count(seconds, "second");
  const int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return Count(minutes, "minute");
  const int64_t hours = (minutes + 30) / 60;
  if (hours == 1) return "About an hour";
  if (hours < 48) return Count(hours, "hour");
  if (hours < 24 * 14) return Count(hours / 24, "day");
  if (hours < 24 * 60) return Count(hours / 24 / 7, "week");
  if (hours < 24 * 365 * 2) return Count(hours / 24 / 30, "month");
  return Count(hours / 24 / 365, "year");
}

std::string Ago(int64_t then, int64_t now) {
  return then == 0 ? "N/A" : absl::StrCat(HumanDuration(now - then), " ago");
}

absl::StatusOr<int64_t> ParseBytes(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  absl::string_view unit = lower;
  const std::optional<double> number = TakeNumber(&unit);
  absl::ConsumePrefix(&unit, " ");
  if (unit.size() > 1) absl::ConsumeSuffix(&unit, "b");
  if (unit.size() > 1) absl::ConsumeSuffix(&unit, "i");
  static constexpr absl::string_view kUnits = "bkmgtp";
  const size_t power = unit.empty() ? 0 : kUnits.find(unit);
  if (!number || unit.size() > 1 || power == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no size; write it as 512m or 1.5g"));
  }
  const double bytes = *number * std::pow(1024, power);
  if (bytes > 9e18) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is too large"));
  return static_cast<int64_t>(bytes);
}

absl::StatusOr<int64_t> ParseDuration(absl::string_view text) {
  double sum = 0;
  bool good = !text.empty();
  for (absl::string_view left = text; good && !left.empty();) {
    const std::optional<double> number = TakeNumber(&left);
    const std::optional<double> unit = number ? UnitOf(&left) : std::nullopt;
    good = unit.has_value();
    if (good) sum += *number * *unit;
  }
  if (!good || sum > 9e18) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no duration; write it as 90s or 1h30m"));
  }
  return static_cast<int64_t>(sum);
}

absl::StatusOr<int64_t> ParseTime(absl::string_view text, int64_t now) {
  if (const auto duration = ParseDuration(text); duration.ok()) return now - *duration;
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds)) return static_cast<int64_t>(seconds * 1e9);
  if (const int64_t point = FromRfc3339(text); point != 0) return point;
  for (const char* form : {"%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    absl::Time time;
    if (absl::ParseTime(form, text, &time, nullptr)) return absl::ToUnixNanos(time);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no time; write it as 10m, 2026-11-30T19:44:00Z or seconds since 1970"));
}

std::string Rfc3339(int64_t nanoseconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E9SZ", absl::FromUnixNanos(nanoseconds), absl::UTCTimeZone());
}

int64_t FromRfc3339(absl::string_view text) {
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) ? absl::ToUnixNanos(time) : 0;
}

int64_t Now() {
  return absl::GetCurrentTimeNanos();
}

}  // namespace crisp::client
