#include "store/scratch_copy.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

absl::Status Copy(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::copy_file(from, to, error);
  if (!error) return absl::OkStatus();
  return ErrnoStatus(error.value(), absl::StrCat("copy ", from, " to ", to));
}

}  // namespace

absl::StatusOr<ScratchCopy> ScratchCopy::Make(const std::string& path) {
  absl::Status status;
  for (const char* parent : {"/dev/shm", "/run", "/tmp"}) {
    std::string directory = absl::StrCat(parent, "/crisp-db-XXXXXX");
    if (mkdtemp(directory.data()) == nullptr) {
      status = Join(status, ErrnoStatus(errno, absl::StrCat("make a directory in ", parent)));
      continue;
    }
    ScratchCopy copy(std::move(directory));
    absl::Status copied = Copy(path, copy.path());
    const std::string wal = absl::StrCat(path, "-wal");
    if (copied.ok() && Exists(wal)) copied = Copy(wal, copy.path() + "-wal");
    if (copied.ok()) return copy;
    status = Join(status, copied);
  }
  return status;
}

ScratchCopy::ScratchCopy(ScratchCopy&& other) noexcept : directory_(std::exchange(other.directory_, "")) {}

ScratchCopy::~ScratchCopy() {
  if (!directory_.empty()) RemoveTree(directory_).IgnoreError();  // it is small, and gone with the next boot
}

}  // namespace crisp
