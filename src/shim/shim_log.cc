#include "shim/shim_log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "os/fd.h"
#include "shim/loop.h"

namespace crisp::shim {
namespace {

constexpr off_t kMaxLogFile = 1 << 20;  // a fault that repeats must not fill /run

std::string& LogPath() {
  static std::string* const path = new std::string;
  return *path;
}

void PutDigits(char* out, int width, int64_t value) {
  for (int i = width - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

void FormatTime(int64_t wall_nanos, char (&out)[kTimeLength]) {
  const int64_t seconds = wall_nanos / 1000000000;
  const int64_t of_day = seconds % 86400;
  // Not gmtime_r, which would link the time zone code of the C library into the program.
  const std::chrono::year_month_day date(std::chrono::sys_days(std::chrono::days(seconds / 86400)));
  memcpy(out, "0000-00-00T00:00:00.000000000Z", kTimeLength);
  PutDigits(out, 4, int{date.year()});
  PutDigits(out + 5, 2, unsigned{date.month()});
  PutDigits(out + 8, 2, unsigned{date.day()});
  PutDigits(out + 11, 2, of_day / 3600);
  PutDigits(out + 14, 2, of_day / 60 % 60);
  PutDigits(out + 17, 2, of_day % 60);
  PutDigits(out + 20, 9, wall_nanos % 1000000000);
}

void OpenShimLog(std::string path) {
  LogPath() = std::move(path);
}

std::string ErrorText(int error) {
  const char* text = strerrordesc_np(error);
  return text != nullptr ? text : "errno " + std::to_string(error);
}

void LogFault(std::string_view what, int error) {
  if (LogPath().empty()) return;
  Fd file(open(LogPath().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info {};
  if (!file.valid() || fstat(file.get(), &info) != 0 || info.st_size > kMaxLogFile) return;
  char time[kTimeLength];
  FormatTime(WallNanos(), time);
  std::string line(time, kTimeLength);
  line.append(" ").append(what);
  if (error != 0) line.append(": ").append(ErrorText(error));
  line += '\n';
  // A failure to write the log cannot be reported anywhere.
  [[maybe_unused]] const ssize_t n = write(file.get(), line.data(), line.size());
}

}  // namespace crisp::shim
