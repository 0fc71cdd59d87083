#include "base/recording.h"

#include <unistd.h>

#include <utility>

#include "base/crash_handler.h"

namespace crisp {
namespace {

std::shared_ptr<Recorder> MakeRecorder(const std::string& file, size_t size) {
  absl::StatusOr<std::shared_ptr<Recorder>> in_file = Recorder::InFile(file, size);
  if (in_file.ok()) return *std::move(in_file);
  absl::StatusOr<std::shared_ptr<Recorder>> in_memory = Recorder::InMemory(size);
  if (!in_memory.ok()) {
    LogWarning("nothing is recorded; pods' traces will be empty", {{"error", in_memory.status().message()}});
    return nullptr;
  }
  Log(absl::IsFailedPrecondition(in_file.status()) ? LogLevel::kInfo : LogLevel::kWarning,
      "what is recorded is lost if crispd is killed", {{"error", in_file.status().message()}});
  return *std::move(in_memory);
}

}  // namespace

Recording::Recording(std::string file, std::string traces_directory, size_t size) : file_(std::move(file)) {
  // Before the file is made anew.
  TraceFiles(traces_directory, nullptr).KeepLeftover(file_);
  recorder_ = MakeRecorder(file_, size);
  traces_ = std::make_unique<TraceFiles>(traces_directory, recorder_);
  SetLogObserver(recorder_);
  SetCrashRecord(traces_directory, recorder_, file_);
}

Recording::~Recording() {
  SetCrashRecord("", nullptr, "");
  SetLogObserver(nullptr);
  unlink(file_.c_str());
}

}  // namespace crisp
