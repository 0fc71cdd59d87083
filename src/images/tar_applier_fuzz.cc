// Any bytes as the tar of a layer: nothing outside the layer's directory changes, and no memory is misused.
//
// Unpacks below /dev/shm; needs root, as the daemon does. The first byte says whether there is a lower layer to look
// into, so that both ways are tried.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "images/tar_applier.h"
#include "images/testing/tar_builder.h"
#include "os/file.h"

namespace crisp {
namespace {

struct Place {
  std::string dir;
  timespec changed{};

  Place() {
    char name[] = "/dev/shm/crisp-fuzz-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    dir = name;
    Must(MakeDirs(dir + "/outside/sub", 0700));
    Must(WriteFileAt(AT_FDCWD, dir + "/outside/secret", "secret", 0600));
    Must(MakeDirs(dir + "/lower/etc/d", 0711));
    Must(WriteFileAt(AT_FDCWD, dir + "/lower/etc/f", "f", 0600));
    if (symlink("../outside", (dir + "/lower/out").c_str()) != 0) std::abort();
    if (symlink("/etc/d", (dir + "/lower/l").c_str()) != 0) std::abort();
    changed = Changed();
  }
  ~Place() { (void)RemoveTree(dir); }

  static void Must(const absl::Status& status) {
    if (!status.ok()) std::abort();
  }

  // A change of any file of these, or of their names, changes one of the times.
  timespec Changed() const {
    timespec newest{};
    for (const char* name : {"/outside", "/outside/sub", "/outside/secret", "/lower", "/lower/etc", "/lower/etc/d",
                             "/lower/etc/f", "/lower/out", "/lower/l"}) {
      struct stat info {};
      if (lstat((dir + name).c_str(), &info) != 0) std::abort();
      if (info.st_ctim.tv_sec > newest.tv_sec ||
          (info.st_ctim.tv_sec == newest.tv_sec && info.st_ctim.tv_nsec > newest.tv_nsec)) {
        newest = info.st_ctim;
      }
    }
    return newest;
  }
};

void Apply(const Place& place, absl::string_view tar, bool with_lower) {
  const std::string root = place.dir + "/root";
  Place::Must(MakeDirs(root, 0700));
  bool given = false;
  const auto result = ApplyTar(
      [&]() -> absl::StatusOr<absl::string_view> {
        if (given) return absl::string_view();
        given = true;
        return tar;
      },
      *OpenAt(AT_FDCWD, root, O_RDONLY | O_DIRECTORY),
      [&]() -> absl::StatusOr<LowerView> {
        std::vector<Fd> lower;
        if (with_lower) lower.push_back(*OpenAt(AT_FDCWD, place.dir + "/lower", O_RDONLY | O_DIRECTORY));
        return LowerView(std::move(lower));
      },
      Call());
  (void)result;
  Place::Must(RemoveTree(root));
}

}  // namespace
}  // namespace crisp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const crisp::Place place;
  if (size == 0) return 0;
  crisp::Apply(place, absl::string_view(reinterpret_cast<const char*>(data) + 1, size - 1), (data[0] & 1) != 0);
  const timespec now = place.Changed();
  if (now.tv_sec != place.changed.tv_sec || now.tv_nsec != place.changed.tv_nsec) std::abort();
  if (access((place.dir + "/outside/secret").c_str(), F_OK) != 0) std::abort();
  return 0;
}
