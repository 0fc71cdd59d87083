// Reloader: reads the configuration again while crispd runs, when somebody asks for it by SIGHUP.
//
// All or nothing: the file is read and checked as at the start, then each room prepares its part, which may fail, and
// then all of them are committed, which may not. What is prepared for nothing is dropped. Keys that are read at the
// start only (config/at_start.h) keep what they have, and are named. The outcome goes to the log and to systemd.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/reloadable.h"
#include "config/load_config.h"

namespace crisp {

class ServiceManager;

// Threading: thread-safe. Reloads run on a thread of the object, one at a time.
class Reloader {
 public:
  // A room's part of a reload.
  using Prepare = std::function<absl::StatusOr<Commit>(const Config& next)>;

  // What the last reload has come to.
  struct Outcome {
    bool ok = true;                                 // also before the first one
    std::chrono::system_clock::time_point applied;  // when the configuration that counts was read
  };

  // `path` is that of the file, empty: there is none; `running` is what crispd has been started with. `systemd` must
  // outlive the object.
  Reloader(std::string path, Reading running, const ServiceManager* systemd);
  // Waits for a reload that is at work.
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // From now on requests are served, also those that came before. `status` is what systemd shows of a crispd that
  // serves. Whatever the rooms need must outlive the object.
  absl::Status Start(std::vector<Prepare> rooms, std::string status);

  // Asks for a reload, and returns. One that is asked for while another is at work comes after it.
  void Request();

  // Reads the configuration again now. Requests do so on the object's own thread.
  absl::Status Reload();

  // The values that count, with their sources: DumpJson of config_text/config_file_text.h.
  std::string Json() const;
  Outcome outcome() const;

 private:
  void Serve();
  absl::Status Apply(Reading next);

  const std::string path_;
  const ServiceManager* const systemd_;
  std::vector<Prepare> rooms_;
  std::string status_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool requested_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  Reading running_ ABSL_GUARDED_BY(mutex_);
  Outcome outcome_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace crisp
