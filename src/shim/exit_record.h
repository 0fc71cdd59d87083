// The exit record: how a container ended, as a small file that outlives both the shim and the daemon. Written once, by
// the shim before it tells anybody (or by the daemon in the place of a shim that died). No Abseil.
//
//   crisp-exit 1
//   exit_code 137
//   finished_at 1700000000123456789
//   oom_killed 0
//
// Every line is there, in this order, and ends with a newline; the first line names the version of the format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crisp::shim {

struct ExitRecord {
  int exit_code = 0;        // 0 to 255; 128 + signal if a signal ended it
  int64_t finished_at = 0;  // wall-clock nanoseconds
  bool oom_killed = false;

  bool operator==(const ExitRecord&) const = default;
};

std::string FormatExitRecord(const ExitRecord& record);

// False for anything that FormatExitRecord would not have written: a torn or foreign file is never half believed.
bool ParseExitRecord(std::string_view text, ExitRecord* record);

// Writes "<path>.tmp", syncs it, renames it, syncs the directory. 0, or an errno value; then `path` is what it was.
int WriteExitRecord(const std::string& path, const ExitRecord& record);

// 0; ENOENT if there is none; EBADMSG if it is not a whole record; or another errno value.
int ReadExitRecord(const std::string& path, ExitRecord* record);

}  // namespace crisp::shim
