// The shim's own log: one line a fault, appended to a file that the daemon named. Lines are rare; the file is closed
// between them, so that it costs nothing and can be removed.
#pragma once

#include <string>
#include <string_view>

namespace crisp::shim {

void OpenShimLog(std::string path);

// "<RFC 3339 time> <what>: <text of error>\n"; `error` 0 is left out.
void LogFault(std::string_view what, int error = 0);

// strerror without locales, and the number of an errno that has no name.
std::string ErrorText(int error);

// "2026-11-23T10:00:00.123456789Z", always nine digits, in UTC: lines sort as they happened. 30 characters, no NUL.
inline constexpr size_t kTimeLength = 30;
void FormatTime(int64_t wall_nanos, char (&out)[kTimeLength]);

}  // namespace crisp::shim
