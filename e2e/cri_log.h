// A container's log as the kubelet reads it.
#pragma once

#include <string>
#include <vector>

namespace crisp::e2e {

struct LogLine {
  std::string time;    // RFC 3339 with nanoseconds
  std::string stream;  // "stdout" or "stderr"
  bool partial = false;
  std::string text;
};

// The lines of a log file's content; throws std::runtime_error for a line that is none, a torn last one included.
std::vector<LogLine> ParseLog(const std::string& data);

// What the container has written to `stream`: the parts joined, a newline behind each that is not partial.
std::string Written(const std::vector<LogLine>& lines, const std::string& stream);

}  // namespace crisp::e2e
