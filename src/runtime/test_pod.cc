#include "runtime/test_pod.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/cleanup.h"

namespace crisp {

void RecordingListener::OnExit(absl::string_view container_id, const ContainerExit& exit) {
  MutexLock lock(mutex_);
  exits_[std::string(container_id)] = exit;
  ++count_;
  changed_.NotifyAll();
}

void RecordingListener::OnOomKill(absl::string_view container_id, uint64_t kills) {
  MutexLock lock(mutex_);
  oom_kills_[std::string(container_id)] = kills;
  changed_.NotifyAll();
}

void RecordingListener::OnLogLoss(absl::string_view container_id, const LogLoss& loss) {
  MutexLock lock(mutex_);
  losses_[std::string(container_id)] = loss;
  changed_.NotifyAll();
}

void RecordingListener::OnShimGone() {
  MutexLock lock(mutex_);
  gone_ = true;
  changed_.NotifyAll();
}

ContainerExit RecordingListener::AwaitExit(const std::string& container_id) {
  const MonoTime patience = MonoClock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex_);
  while (exits_.count(container_id) == 0) {
    if (!changed_.WaitUntil(mutex_, patience)) return {-1, 0, false};
  }
  return exits_[container_id];
}

bool RecordingListener::AwaitOomKills(const std::string& container_id, uint64_t kills) {
  const MonoTime patience = MonoClock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex_);
  while (oom_kills_[container_id] < kills) {
    if (!changed_.WaitUntil(mutex_, patience)) return false;
  }
  return true;
}

bool RecordingListener::AwaitLogLoss(const std::string& container_id, bool dropping) {
  const MonoTime patience = MonoClock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex_);
  while (losses_.count(container_id) == 0 || losses_[container_id].dropping != dropping) {
    if (!changed_.WaitUntil(mutex_, patience)) return false;
  }
  return true;
}

LogLoss RecordingListener::log_loss(const std::string& container_id) {
  MutexLock lock(mutex_);
  return losses_[container_id];
}

bool RecordingListener::AwaitGone() {
  const MonoTime patience = MonoClock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex_);
  while (!gone_) {
    if (!changed_.WaitUntil(mutex_, patience)) return false;
  }
  return true;
}

int RecordingListener::exits() {
  MutexLock lock(mutex_);
  return count_;
}

TestPod::TestPod() {
  char dir[] = "/tmp/crisp-shim-test-XXXXXX";
  EXPECT_NE(mkdtemp(dir), nullptr);
  dir_ = dir;
  cgroup_ = absl::StrCat("/crisp-test-", getpid(), "-", dir_.substr(dir_.size() - 6));
  reactor = *Reactor::Start();
  paths = {CRISP_SHIM, Path("shim.sock"), Path("shim.log")};
  EXPECT_TRUE(MakeDirs(Path("rootfs/bin"), 0755).ok());
  for (const char* name : {"rootfs/proc", "rootfs/dev", "rootfs/tmp"}) EXPECT_TRUE(MakeDirs(Path(name), 01777).ok());
  const auto busybox = ReadFileAt(AT_FDCWD, "/bin/busybox", 16 << 20);
  EXPECT_TRUE(busybox.ok()) << "needs busybox-static: " << busybox.status();
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, Path("rootfs/bin/busybox"), *busybox, 0755).ok());
}

TestPod::~TestPod() {
  if (client != nullptr) {
    const absl::Status ended = client->Shutdown(call());
    EXPECT_TRUE(ended.ok() || absl::IsUnavailable(ended)) << ended;
  }
  client.reset();
  for (const std::string& id : ids_) {
    const absl::Status cleaned = CleanUpContainer(runtime(), id, CgroupsPath(id), call());
    EXPECT_TRUE(cleaned.ok()) << cleaned;
  }
  EXPECT_TRUE(RemoveCgroups(*ContainerCgroups(cgroup_, false)).ok());
  EXPECT_TRUE(RemoveTree(dir_).ok());
}

absl::Status TestPod::Launch() {
  ASSIGN_OR_RETURN(client, ShimClient::Launch(*reactor, "pod", paths, &listener, call()));
  return absl::OkStatus();
}

absl::Status TestPod::Connect() {
  client.reset();
  ASSIGN_OR_RETURN(client, ShimClient::Connect(*reactor, "pod", paths, &listener, call()));
  return absl::OkStatus();
}

std::string TestPod::Process(const std::vector<std::string>& args) {
  return nlohmann::json{{"terminal", false}, {"user", {{"uid", 0}, {"gid", 0}}}, {"args", args}, {"env", {"PATH=/bin"}},
                        {"cwd", "/"},        {"noNewPrivileges", true}}
      .dump();
}

StartRequest TestPod::Bundle(const std::string& id, const std::vector<std::string>& args,
                             const std::function<void(nlohmann::json&)>& change) {
  ids_.push_back(id);
  using Json = nlohmann::json;
  Json config;
  config["ociVersion"] = "1.0.2";
  config["process"] = Json::parse(Process(args));
  config["root"] = {{"path", Path("rootfs")}, {"readonly", false}};
  // A /dev of its own: runc makes nodes there, and the root file system is shared.
  config["mounts"] = Json::array({{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
                                  {{"destination", "/dev"}, {"type", "tmpfs"}, {"source", "tmpfs"}},
                                  {{"destination", "/dev/pts"},
                                   {"type", "devpts"},
                                   {"source", "devpts"},
                                   {"options", {"newinstance", "ptmxmode=0666"}}}});
  Json namespaces = Json::array();
  for (const char* type : {"pid", "mount", "ipc", "uts"}) namespaces.push_back({{"type", type}});
  config["linux"] = {{"namespaces", namespaces}, {"cgroupsPath", CgroupsPath(id)}};
  if (change) change(config);
  EXPECT_TRUE(MakeDirs(Path(id), 0700).ok());
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, Path(id + "/config.json"), config.dump(), 0600).ok());

  StartRequest request;
  request.container_id = id;
  request.bundle = Path(id);
  request.exit_path = Path(id + "/exit");
  request.log_path = Path(id + ".log");
  request.cgroups_path = CgroupsPath(id);
  request.runtime = runtime();
  return request;
}

absl::StatusOr<StartedContainer> TestPod::Run(const std::string& id, const std::vector<std::string>& args) {
  return client->Start(Bundle(id, args), call());
}

absl::StatusOr<ExecResult> TestPod::Exec(const std::string& id, const std::string& script,
                                         std::chrono::nanoseconds timeout) {
  return client->Exec({id, Process(Shell(script)), timeout, 16 << 20}, call());
}

std::string TestPod::Log(const std::string& id) const {
  return ReadFileAt(AT_FDCWD, Path(id + ".log"), 256 << 20).value_or("");
}

std::string TestPod::Output(const std::string& id) const {
  std::string output;
  const std::string log = Log(id);
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (fields.size() != 4) return absl::StrCat("not a log line: ", line);
    absl::StrAppend(&output, fields[3], fields[2] == "F" ? "\n" : "");
  }
  return output;
}

cgroup::Dirs TestPod::Cgroups(const std::string& id) const {
  return *ContainerCgroups(CgroupsPath(id), false);
}

std::string TestPod::Leftovers(const std::string& id) const {
  std::string left;
  for (const cgroup::Dir& dir : Cgroups(id)) {
    if (Exists(dir.path)) absl::StrAppend(&left, " cgroup ", dir.path);
  }
  const std::vector<pid_t> pids = cgroup::Processes(Cgroups(id));
  if (!pids.empty()) absl::StrAppend(&left, " processes ", absl::StrJoin(pids, ","));
  if (Exists(absl::StrCat(runtime().root, "/", id))) absl::StrAppend(&left, " runtime state");
  return left;
}

OciRuntime TestPod::runtime() const {
  return {"/usr/sbin/runc", Path("runc"), false, false, false};
}

}  // namespace crisp
