// Logs of containers in CRI's format, as the runtime writes them and the kubelet rotates them:
//
//   2026-11-30T19:44:54.123456789Z stdout F a whole line
//   2026-11-30T19:44:54.123456789Z stderr P the beginning of a long line; the rest follows
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp::client {

struct LogLine {
  int64_t time = 0;    // nanoseconds since 1970
  bool error = false;  // of stderr
  std::string text;    // with its "\n", unless the line goes on or ended without one
};

// Nothing if it is no line of such a log.
std::optional<LogLine> ParseLogLine(absl::string_view line);

struct LogOptions {
  int64_t since = 0;
  int64_t until = std::numeric_limits<int64_t>::max();
  std::optional<size_t> tail;  // only the last ones
  bool follow = false;
};

// Reads the log from its beginning, or its last lines, and gives each line to `take`. With `follow` it goes on as the
// log grows and is rotated, until `ended` says that nothing more will be written; `ended_fd` becomes readable when it
// is worth asking, -1 if nothing tells. It is asked every second at least.
absl::Status ReadLog(const std::string& path, const LogOptions& options, int ended_fd,
                     const std::function<bool()>& ended, const std::function<void(const LogLine&)>& take);

}  // namespace crisp::client
