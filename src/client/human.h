// Sizes, times and durations as people read and write them. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp::client {

// "0 B", "999 B", "1.5 KiB", "23.9 MiB": powers of 1024, as nerdctl shows them.
std::string HumanBytes(uint64_t bytes);

// "Less than a second", "1 second", "47 minutes", "About an hour", "2 days": the words of docker's units.
std::string HumanDuration(int64_t nanoseconds);
// The same with " ago"; "N/A" for 0, which CRI has for "not yet". `now` and `then` are nanoseconds since 1970.
std::string Ago(int64_t then, int64_t now);

// "512", "512b", "64k", "512m", "1.5g", "1GiB" in bytes. InvalidArgument for anything else.
absl::StatusOr<int64_t> ParseBytes(absl::string_view text);

// "90s", "1h30m", "1.5h", "2d" in nanoseconds, as Go's durations, with days. InvalidArgument for anything else.
absl::StatusOr<int64_t> ParseDuration(absl::string_view text);

// A point in time of --since and --until: a duration before `now`, RFC 3339 with or without time and zone (UTC then),
// or seconds since 1970. Nanoseconds since 1970.
absl::StatusOr<int64_t> ParseTime(absl::string_view text, int64_t now);

// "2026-11-30T19:44:54.123456789Z"
std::string Rfc3339(int64_t nanoseconds);
// Of RFC 3339 in any zone; 0 if it is none.
int64_t FromRfc3339(absl::string_view text);

// Nanoseconds since 1970.
int64_t Now();

}  // namespace crisp::client
