// The lines of a log in JSON, parsed, for tests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/testing/captured_log.h"

namespace crisp {

inline std::vector<nlohmann::json> JsonLines(const CapturedLog& log) {
  std::vector<nlohmann::json> lines;
  const std::string text = log.Text();
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line.begin(), line.end()));
  }
  return lines;
}

// Those that have the field.
inline std::vector<nlohmann::json> JsonLinesWith(const CapturedLog& log, const std::string& field) {
  std::vector<nlohmann::json> lines = JsonLines(log);
  std::erase_if(lines, [&field](const nlohmann::json& line) { return !line.contains(field); });
  return lines;
}

}  // namespace crisp
