#include "e2e/cri_log.h"

#include <regex>
#include <stdexcept>

namespace crisp::e2e {
namespace {

LogLine ParseLine(const std::string& line) {
  static const std::regex kHead(
      R"((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) )");
  std::smatch head;
  if (!std::regex_search(line, head, kHead, std::regex_constants::match_continuous)) {
    throw std::runtime_error("not a line of a CRI log: \"" + line.substr(0, 200) + "\"");
  }
  return {head[1], head[2], head[3] == "P", head.suffix()};
}

}  // namespace

std::vector<LogLine> ParseLog(const std::string& data) {
  std::vector<LogLine> lines;
  for (size_t begin = 0; begin < data.size();) {
    const size_t end = data.find('\n', begin);
    if (end == std::string::npos) throw std::runtime_error("the log's last line is torn: " + data.substr(begin, 200));
    lines.push_back(ParseLine(data.substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

std::string Written(const std::vector<LogLine>& lines, const std::string& stream) {
  std::string written;
  for (const LogLine& line : lines) {
    if (line.stream != stream) continue;
    written += line.text;
    if (!line.partial) written += '\n';
  }
  return written;
}

}  // namespace crisp::e2e
