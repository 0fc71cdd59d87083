#include "doctor/database_check.h"

#include <sys/stat.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doctor/database_reader.h"
#include "doctor/finding.h"
#include "doctor/lock_holder.h"
#include "doctor/subject.h"
#include "doctor/units.h"
#include "os/file.h"
#include "store/layout.h"

namespace crisp {
namespace {

// One of a node with 200 pods has some MiB.
constexpr uint64_t kLarge = 1 << 30;
// Larger ones are not copied for the check.
constexpr uint64_t kLargestCopied = 256 << 20;

uint64_t SizeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

void LookAtSize(const std::string& path, uint64_t size, Findings* findings) {
  if (size < kLarge) return findings->Ok("size", path, BytesText(size));
  findings->Warn("size", path, absl::StrCat(BytesText(size), ": more than any number of pods explains"),
                 "restart crispd, which writes its log back; keep the file for a report if it stays");
}

void LookAtPages(const Subject& subject, const std::string& path, uint64_t size, Findings* findings) {
  if (LockHolder(subject.tree, subject.layout().RootLock()) != 0) {
    return findings->Ok("integrity", path, "is in use; crispd has looked at every page when it started");
  }
  if (size > kLargestCopied) return findings->Note("integrity", path, "is too large to be copied and checked");
  const absl::StatusOr<DatabaseFacts> facts = ReadDatabaseFacts(path);
  const std::string remedy =
      "start crispd: it sets the file aside and begins a new one, with pods and layers from the copies beside them; "
      "images "
      "are pulled again";
  if (!facts.ok()) return findings->Problem("integrity", path, std::string(facts.status().message()), remedy);
  if (!facts->faults.empty()) {
    return findings->Problem("integrity", path, absl::StrJoin(facts->faults, "; "), remedy);
  }
  findings->Ok("integrity", path, "every page is whole");
  if (facts->version <= facts->newest) return findings->Ok("version", path, absl::StrCat("version ", facts->version));
  findings->Problem(
      "version", path,
      absl::StrCat("version ", facts->version, " was written by a newer crisp; this one knows up to ", facts->newest),
      "install the newer crisp again; README says how to go back without the file");
}

void LookAtSetAside(const Layout& layout, Findings* findings) {
  size_t found = 0;
  for (const std::string& name : ListDir(layout.root()).value_or(std::vector<std::string>())) {
    if (!absl::StrContains(name, ".unreadable-") || !absl::StartsWith(name, "crisp.db")) continue;
    ++found;
    findings->Warn("set_aside", absl::StrCat(layout.root(), "/", name),
                   "a database that could not be read was set aside",
                   "look for a fault of the disk (dmesg); remove the file once it is understood");
  }
  if (found == 0) findings->Ok("set_aside", layout.root(), "no database was set aside");
}

}  // namespace

void CheckDatabase(const Subject& subject, Findings* findings, const CallContext&) {
  const Layout layout = subject.layout();
  const std::string path = layout.Database();
  if (!Exists(path)) return findings->Note("size", path, "is not there: crispd has never run with this root");
  const uint64_t size = SizeOf(path) + SizeOf(path + "-wal");
  LookAtSize(path, size, findings);
  LookAtPages(subject, path, size, findings);
  LookAtSetAside(layout, findings);
}

}  // namespace crisp
