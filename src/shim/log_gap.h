// LogGap: the output of one stream that its log lacks, because the log could not be written. Counts it, and words the
// line that stands in its place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace crisp::shim {

class LogGap {
 public:
  LogGap() = default;
  LogGap(uint64_t bytes, uint64_t newlines) : bytes_(bytes), newlines_(newlines) {}

  void Add(std::string_view output) {
    bytes_ += output.size();
    newlines_ += static_cast<uint64_t>(std::count(output.begin(), output.end(), '\n'));
  }

  bool empty() const { return bytes_ == 0; }
  uint64_t bytes() const { return bytes_; }
  uint64_t newlines() const { return newlines_; }
  // Lines whose ends are lost; at least 1 if anything is.
  uint64_t lines() const { return newlines_ == 0 && !empty() ? 1 : newlines_; }

  // For the log's readers. `cause` is the last error.
  std::string Note(std::string_view stream, std::string_view cause) const {
    std::string note = "[crisp] lost ";
    note.append(std::to_string(bytes_)).append(bytes_ == 1 ? " byte, " : " bytes, ");
    note.append(std::to_string(lines())).append(lines() == 1 ? " line of " : " lines of ").append(stream);
    return note.append(": the log could not be written: ").append(cause);
  }

 private:
  uint64_t bytes_ = 0;
  uint64_t newlines_ = 0;
};

}  // namespace crisp::shim
