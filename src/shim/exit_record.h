// The exit record: a small file that says how a container ended and outlives both the shim and the daemon. The shim
// writes it once, before it tells the daemon; for a shim that died the daemon writes it. No Abseil.
//
//   crisp-exit 1
//   exit_code 137
//   finished_at 1700000000123456789
//   oom_killed 0
//
// All lines are present, in this order, each with a newline. The first line names the version of the format.
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

// False for anything that FormatExitRecord does not write, such as a torn file; then `record` is unchanged.
bool ParseExitRecord(std::string_view text, ExitRecord* record);

// Writes "<path>.tmp", syncs it, renames it and syncs the directory. 0 or an errno value. After an error `path` is
// unchanged, unless only the sync of the directory failed.
int WriteExitRecord(const std::string& path, const ExitRecord& record);

// 0, ENOENT if there is no record, EBADMSG if the file is not a complete record, or another errno value.
int ReadExitRecord(const std::string& path, ExitRecord* record);

}  // namespace crisp::shim
