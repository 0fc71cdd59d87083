#include "shim/state_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Empty if it cannot be read.
std::string ReadAll(int file) {
  struct stat info {};
  if (fstat(file, &info) != 0 || info.st_size < 0) return {};
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = pread(file, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};
    size += static_cast<size_t>(n);
  }
  return bytes;
}

}  // namespace

Fd WriteStateFile(ShimState& state, std::vector<int>* descriptors) {
  const std::string bytes = EncodeState(state, descriptors);
  // Read once here: a state that cannot be read must not be noticed only when this program is gone.
  ShimState copy;
  std::vector<int> same;
  if (!DecodeState(bytes, &copy, &same).empty()) {
    errno = EBADMSG;
    return Fd();
  }
  Fd file(memfd_create("crisp-shim-state", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid() || !WriteAll(file.get(), bytes) || fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) return Fd();
  return file;
}

std::string ReadStateFile(int file, ShimState* state) {
  if (fcntl(file, F_GET_SEALS) != kSeals) return "it is not a sealed file";
  std::vector<int> descriptors;
  if (std::string error = DecodeState(ReadAll(file), state, &descriptors); !error.empty()) return error;
  if (SetCloseOnExec(descriptors, true)) return {};
  SetCloseOnExec(descriptors, false);
  return "it names a descriptor that is not open";
}

bool SetCloseOnExec(const std::vector<int>& descriptors, bool close) {
  for (const int fd : descriptors) {
    if (fcntl(fd, F_SETFD, close ? FD_CLOEXEC : 0) != 0) return false;
  }
  return true;
}

}  // namespace crisp::shim
