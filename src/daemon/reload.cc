#include "daemon/reload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "config/at_start.h"
#include "config_text/changes.h"
#include "config_text/config_file_text.h"
#include "daemon/service_manager.h"

namespace crisp {
namespace {

constexpr char kRefused[] = "the configuration is not read again; the one before goes on to count";

// Returns how many keys count at once.
size_t NameChanges(const std::vector<Change>& changes) {
  size_t counting = 0;
  for (const Change& change : changes) {
    const bool waits = IsReadAtStart(*change.key);
    Log(waits ? LogLevel::kWarning : LogLevel::kInfo,
        waits ? "a key has changed that crispd reads when it starts; restart it" : "a key has changed",
        {{"key", change.name},
         {"before", change.before},
         {"now", change.after},
         {"at", change.place.empty() ? "the default" : change.place}});
    if (!waits) ++counting;
  }
  return counting;
}

}  // namespace

Reloader::Reloader(std::string path, Reading running, const ServiceManager* systemd)
    : path_(std::move(path)), systemd_(systemd), running_(std::move(running)) {
  outcome_.applied = std::chrono::system_clock::now();
}

Reloader::~Reloader() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status Reloader::Start(std::vector<Prepare> rooms, std::string status) {
  rooms_ = std::move(rooms);
  status_ = std::move(status);
  ASSIGN_OR_RETURN(thread_, StartThread("reload", [this] { Serve(); }));
  return absl::OkStatus();
}

void Reloader::Request() {
  const MutexLock lock(mutex_);
  requested_ = true;
  changed_.NotifyAll();
}

void Reloader::Serve() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!requested_ && !ending_) changed_.Wait(mutex_);
      if (ending_) return;
      requested_ = false;
    }
    systemd_->SayReloading();
    const absl::Status reloaded = Reload();
    systemd_->SayReady(reloaded.ok() ? status_ : absl::StrCat(status_, "; ", kRefused, ": ", reloaded.message()));
  }
}

absl::Status Reloader::Reload() {
  if (path_.empty()) {
    LogWarning("crispd has no configuration file that could be read again");
    return absl::OkStatus();
  }
  const absl::Status applied = Apply(ReadConfiguration(path_));
  if (!applied.ok()) LogError(kRefused, {{"error", applied.message()}});
  const MutexLock lock(mutex_);
  outcome_.ok = applied.ok();
  if (applied.ok()) outcome_.applied = std::chrono::system_clock::now();
  return applied;
}

absl::Status Reloader::Apply(Reading next) {
  RETURN_IF_ERROR(next.config.status());
  Reading running;
  {
    const MutexLock lock(mutex_);
    running = running_;
  }
  const std::vector<Change> changes = ChangesBetween(running, next);
  KeepWhatIsReadAtStart(*running.config, &*next.config);
  std::vector<Commit> commits;
  for (const Prepare& prepare : rooms_) {
    ASSIGN_OR_RETURN(commits.emplace_back(), prepare(*next.config));
  }
  for (const std::string& warning : next.warnings) LogWarning(warning);
  const size_t counting = NameChanges(changes);
  for (const Commit& commit : commits) commit();
  LogInfo("read the configuration again", {{"file", path_}, {"changes", counting}});
  const MutexLock lock(mutex_);
  running_ = std::move(next);
  return absl::OkStatus();
}

std::string Reloader::Json() const {
  const MutexLock lock(mutex_);
  return DumpJson(running_);
}

Reloader::Outcome Reloader::outcome() const {
  const MutexLock lock(mutex_);
  return outcome_;
}

}  // namespace crisp
