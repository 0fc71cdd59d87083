// For tests: a pod's directory, a busybox root file system, bundles, and a shim in it; and how to look whether anything
// was left. Everything is under one temporary directory and one cgroup, and is removed by the destructor.
#pragma once

#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/call_context.h"
#include "base/mutex.h"
#include "nlohmann/json.hpp"
#include "os/cgroup.h"
#include "os/reactor.h"
#include "runtime/shim_client.h"

namespace crisp {

// Collects what a shim tells; thread-safe.
class RecordingListener : public ShimListener {
 public:
  void OnExit(absl::string_view container_id, const ContainerExit& exit) override;
  void OnOomKill(absl::string_view container_id, uint64_t kills) override;
  void OnLogLoss(absl::string_view container_id, const LogLoss& loss) override;
  void OnShimGone() override;

  // Waits for it, at most 20 s; an exit code of -1 if it does not come.
  ContainerExit AwaitExit(const std::string& container_id);
  bool AwaitGone();
  int exits();
  // Waits until that many processes of it have been killed, at most 20 s.
  bool AwaitOomKills(const std::string& container_id, uint64_t kills);
  // Waits until output of it is being lost, or is not any more, at most 20 s.
  bool AwaitLogLoss(const std::string& container_id, bool dropping);
  // What has been told last.
  LogLoss log_loss(const std::string& container_id);

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, ContainerExit> exits_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t> oom_kills_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, LogLoss> losses_ ABSL_GUARDED_BY(mutex_);
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
};

class TestPod {
 public:
  TestPod();
  ~TestPod();
  TestPod(const TestPod&) = delete;
  TestPod& operator=(const TestPod&) = delete;

  // Starts the shim, or connects to the one that runs.
  absl::Status Launch();
  absl::Status Connect();

  // Makes a bundle that runs `args` and returns what Start takes. `change` edits its config.json.
  StartRequest Bundle(const std::string& id, const std::vector<std::string>& args,
                      const std::function<void(nlohmann::json&)>& change = {});
  static std::vector<std::string> Shell(const std::string& script) { return {"/bin/busybox", "sh", "-c", script}; }
  static std::string Process(const std::vector<std::string>& args);

  // Bundle and Start.
  absl::StatusOr<StartedContainer> Run(const std::string& id, const std::vector<std::string>& args);
  absl::StatusOr<ExecResult> Exec(const std::string& id, const std::string& script,
                                  std::chrono::nanoseconds timeout = std::chrono::nanoseconds(0));

  std::string Log(const std::string& id) const;     // the whole file
  std::string Output(const std::string& id) const;  // without times, streams and tags, parts joined
  std::string CgroupsPath(const std::string& id) const { return cgroup_ + "/" + id; }
  cgroup::Dirs Cgroups(const std::string& id) const;
  // Processes, cgroups and runtime state of the container; empty if nothing is left.
  std::string Leftovers(const std::string& id) const;

  std::string Path(const std::string& name) const { return dir_ + "/" + name; }
  OciRuntime runtime() const;
  static CallContext call() { return CallContext::WithTimeout(std::chrono::seconds(30)); }

  std::unique_ptr<Reactor> reactor;
  RecordingListener listener;
  ShimPaths paths;
  std::unique_ptr<ShimClient> client;

 private:
  std::string dir_;
  std::string cgroup_;
  std::vector<std::string> ids_;
};

}  // namespace crisp
