#include "shim/exit_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "os/fd.h"

namespace crisp::shim {
namespace {

constexpr std::string_view kFirstLine = "crisp-exit 1\n";
constexpr size_t kMaxRecord = 256;

bool TakeText(std::string_view* text, std::string_view expected) {
  if (text->substr(0, expected.size()) != expected) return false;
  text->remove_prefix(expected.size());
  return true;
}

bool TakeNumber(std::string_view* text, std::string_view name, int64_t max, int64_t* value) {
  if (!TakeText(text, name)) return false;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *value);
  if (error != std::errc() || *value < 0 || *value > max) return false;
  const std::string_view digits = text->substr(0, static_cast<size_t>(end - text->data()));
  if (digits.size() > 1 && digits[0] == '0') return false;
  text->remove_prefix(digits.size());
  return TakeText(text, "\n");
}

int WriteWhole(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    data.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

int WriteSynced(const std::string& path, std::string_view data) {
  Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return errno;
  if (const int error = WriteWhole(file.get(), data); error != 0) return error;
  return fsync(file.get()) == 0 ? 0 : errno;
}

int SyncDirectoryOf(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/') + 1);
  Fd dir(open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) return errno;
  return fsync(dir.get()) == 0 ? 0 : errno;
}

}  // namespace

std::string FormatExitRecord(const ExitRecord& record) {
  std::string text(kFirstLine);
  text += "exit_code " + std::to_string(record.exit_code);
  text += "\nfinished_at " + std::to_string(record.finished_at);
  text += record.oom_killed ? "\noom_killed 1\n" : "\noom_killed 0\n";
  return text;
}

bool ParseExitRecord(std::string_view text, ExitRecord* record) {
  int64_t code = 0;
  int64_t finished = 0;
  int64_t oom = 0;
  const bool whole = TakeText(&text, kFirstLine) && TakeNumber(&text, "exit_code ", 255, &code) &&
                     TakeNumber(&text, "finished_at ", INT64_MAX, &finished) &&
                     TakeNumber(&text, "oom_killed ", 1, &oom) && text.empty();
  if (whole) *record = {static_cast<int>(code), finished, oom == 1};
  return whole;
}

int WriteExitRecord(const std::string& path, const ExitRecord& record) {
  const std::string temporary = path + ".tmp";
  int error = WriteSynced(temporary, FormatExitRecord(record));
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return error;
  }
  return SyncDirectoryOf(path);
}

int ReadExitRecord(const std::string& path, ExitRecord* record) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return errno;
  char buffer[kMaxRecord];
  const ssize_t n = read(file.get(), buffer, sizeof(buffer));
  if (n < 0) return errno;
  return ParseExitRecord({buffer, static_cast<size_t>(n)}, record) ? 0 : EBADMSG;
}

}  // namespace crisp::shim
