// The shim's own log: one line per fault, appended to the file that the daemon named. The file is closed between lines,
// which are rare, so that it can be removed.
#pragma once

#include <string>
#include <string_view>

namespace crisp::shim {

void OpenShimLog(std::string path);

// Appends "<RFC 3339 time> <what>: <text of error>"; without the text if `error` is 0.
void LogFault(std::string_view what, int error = 0);

// The text of an errno value, without locales; "errno N" for one that has no text.
std::string ErrorText(int error);

// "2026-11-23T10:00:00.123456789Z": UTC, always with nine digits, so that lines sort by time. 30 characters, no NUL.
inline constexpr size_t kTimeLength = 30;
void FormatTime(int64_t wall_nanos, char (&out)[kTimeLength]);

}  // namespace crisp::shim
