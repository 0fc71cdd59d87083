#include "stats/device_name.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "os/file.h"

namespace crisp {

std::string DeviceName(unsigned major, unsigned minor) {
  const std::string number = absl::StrCat(major, ":", minor);
  const auto facts = ReadFileAt(AT_FDCWD, absl::StrCat("/sys/dev/block/", number, "/uevent"), 4096);
  if (!facts.ok()) return number;
  for (absl::string_view line : absl::StrSplit(*facts, '\n')) {
    if (absl::ConsumePrefix(&line, "DEVNAME=")) return absl::StrCat("/dev/", line);
  }
  return number;
}

}  // namespace crisp
