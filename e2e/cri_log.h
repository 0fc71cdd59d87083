// A container's log file, in the format that the kubelet reads: "<time> <stream> <F or P> <text>".
#pragma once

#include <string>
#include <vector>

namespace crisp::e2e {

struct LogLine {
  std::string time;      // RFC 3339 with nanoseconds
  std::string stream;    // "stdout" or "stderr"
  bool partial = false;  // the next line of the stream goes on with this one
  std::string text;
};

// The lines of a log file. Throws std::runtime_error for a line of another format and for a last line without a
// newline.
std::vector<LogLine> ParseLog(const std::string& data);

// What the container has written to `stream`: partial lines joined, a newline after each full one.
std::string Written(const std::vector<LogLine>& lines, const std::string& stream);

}  // namespace crisp::e2e
