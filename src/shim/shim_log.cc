#include "shim/shim_log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct Date {
  int64_t year;
  int64_t month;
  int64_t day;
};

// Days since 1970-01-01 to a date of the Gregorian calendar, counted in eras of 400 years that begin on 1 March.
// (gmtime_r would pull the time zone machinery of the C library into the program.)
Date DateOf(int64_t days) {
  days += 719468;
  const int64_t era = days / 146097;
  const int64_t of_era = days % 146097;
  const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const int64_t shifted_month = (5 * of_year + 2) / 153;
  const int64_t day = of_year - (153 * shifted_month + 2) / 5 + 1;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace

void FormatTime(int64_t wall_nanos, char (&out)[kTimeLength]) {
  const int64_t seconds = wall_nanos / 1000000000;
  const Date date = DateOf(seconds / 86400);
  const int64_t of_day = seconds % 86400;
  memcpy(out, "0000-00-00T00:00:00.000000000Z", kTimeLength);
  PutDigits(out, 4, date.year);
  PutDigits(out + 5, 2, date.month);
  PutDigits(out + 8, 2, date.day);
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
