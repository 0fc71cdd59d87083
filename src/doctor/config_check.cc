#include "doctor/config_check.h"

#include <sys/stat.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "doctor/finding.h"
#include "doctor/subject.h"

namespace crisp {
namespace {

void LookAtSecrets(const Subject& subject, Findings* findings) {
  struct stat info {};
  const std::string path = subject.tree.At(subject.config_file);
  if (subject.config.registry.auth.empty() || stat(path.c_str(), &info) != 0) return;
  const unsigned mode = info.st_mode & 0777;
  if ((mode & 044) == 0) return findings->Ok("secrets", subject.config_file, "only its owner can read the credentials");
  findings->Warn("secrets", subject.config_file,
                 absl::StrFormat("has credentials of registries, and mode %04o lets others read them", mode),
                 absl::StrCat("chmod 0600 ", subject.config_file));
}

}  // namespace

void CheckConfig(const Subject& subject, Findings* findings, const CallContext&) {
  if (subject.config_file.empty()) {
    return findings->Note("file", kUsualConfig, "is not there: crispd's defaults are looked at",
                          "name the file that crispd is started with: crispd doctor --config FILE");
  }
  if (!subject.config_status.ok()) {
    return findings->Problem("file", subject.config_file, std::string(subject.config_status.message()),
                             "mend it; crispd does not start with it. The other checks go by crispd's defaults");
  }
  findings->Ok("file", subject.config_file, "is loaded");
  for (const std::string& warning : subject.config_warnings) {
    findings->Warn("key", subject.config_file, warning, "remove the key, or write what the text says");
  }
  LookAtSecrets(subject, findings);
}

}  // namespace crisp
