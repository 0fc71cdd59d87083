// Measures the shim: memory of idle ones, and how long start, exec and delete take beyond what the runtime itself
// takes. Prints medians in milliseconds. Needs root, runc, busybox-static. Not a test: it judges nothing.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/testing/wait.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/test_pod.h"

namespace crisp {
namespace {

constexpr int kRounds = 15;
constexpr int kShims = 10;

double Millis(const std::function<void()>& work) {
  const MonoTime begin = MonoClock::now();
  work();
  return std::chrono::duration<double, std::milli>(MonoClock::now() - begin).count();
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  fprintf(stderr, "%s\n", status.ToString().c_str());
  exit(1);
}

void Print(const char* what, std::vector<double> millis) {
  std::sort(millis.begin(), millis.end());
  printf("%-36s %7.1f ms (%.1f to %.1f)\n", what, millis[millis.size() / 2], millis.front(), millis.back());
}

void Runc(const TestPod& pod, std::vector<std::string> args) {
  args.insert(args.begin(), {"--root", pod.runtime().root});
  // Its output goes nowhere: the container keeps a pipe open, and it is not what is measured.
  const auto child = SpawnDetached(pod.runtime().binary, args, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, {-1, -1, -1});
  Check(child.status());
  if (const auto status = child->pidfd.Reap(); !status.has_value() || status->code != 0) {
    Check(absl::InternalError(args[2]));
  }
}

void MeasureLatency() {
  TestPod pod;
  std::vector<double> launch, start, exec, kill, remove, runc_create, runc_start, runc_exec, runc_delete;
  for (int i = 0; i < kRounds; ++i) {
    launch.push_back(Millis([&] { Check(pod.Launch()); }));
    if (i + 1 < kRounds) Check(pod.client->Shutdown(TestPod::call()));
  }
  for (int i = 0; i < kRounds; ++i) {
    const std::string id = absl::StrCat("shim-", i);
    const StartRequest request = pod.Bundle(id, TestPod::Shell("sleep 1000"));
    start.push_back(Millis([&] { Check(pod.client->Start(request, TestPod::call()).status()); }));
    const ExecRequest process{id, TestPod::Process({"/bin/busybox", "true"}), std::chrono::seconds(10), 1 << 20};
    exec.push_back(Millis([&] { Check(pod.client->Exec(process, TestPod::call()).status()); }));
    kill.push_back(Millis([&] {
      Check(pod.client->Kill(id, SIGKILL, false, TestPod::call()));
      pod.listener.AwaitExit(id);
    }));
    remove.push_back(Millis([&] { Check(pod.client->Delete(id, TestPod::call())); }));

    const std::string bare = absl::StrCat("runc-", i);
    const StartRequest same = pod.Bundle(bare, TestPod::Shell("sleep 1000"));
    Check(WriteFileAt(AT_FDCWD, pod.Path("process.json"), process.process_json, 0600));
    runc_create.push_back(Millis([&] { Runc(pod, {"create", "--bundle", same.bundle, bare}); }));
    runc_start.push_back(Millis([&] { Runc(pod, {"start", bare}); }));
    runc_exec.push_back(Millis([&] { Runc(pod, {"exec", "--process", pod.Path("process.json"), bare}); }));
    Runc(pod, {"kill", bare, "KILL"});
    Eventually([&] { return cgroup::Processes(pod.Cgroups(bare)).empty(); });
    runc_delete.push_back(Millis([&] { Runc(pod, {"delete", bare}); }));
  }
  Print("launch a shim", launch);
  Print("start by the shim", start);
  Print("  runc create", runc_create);
  Print("  runc start", runc_start);
  Print("exec true by the shim", exec);
  Print("  runc exec", runc_exec);
  Print("kill to exit told", kill);
  Print("delete by the shim", remove);
  Print("  runc delete", runc_delete);
}

int64_t Field(const std::string& rollup, const char* name) {
  for (const absl::string_view line : absl::StrSplit(rollup, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t kb = 0;
    if (words.size() == 3 && words[0] == name && absl::SimpleAtoi(words[1], &kb)) return kb;
  }
  return -1;
}

void MeasureMemory() {
  std::vector<std::unique_ptr<TestPod>> pods;
  for (int i = 0; i < kShims; ++i) {
    pods.push_back(std::make_unique<TestPod>());
    Check(pods.back()->Launch());
    for (const char* id : {"pause", "a"}) {
      StartRequest request = pods.back()->Bundle(id, TestPod::Shell("echo hello; sleep 1000"));
      if (id[0] == 'p') request.log_path.clear();
      Check(pods.back()->client->Start(request, TestPod::call()).status());
    }
    Check(pods.back()->Exec("a", "echo hello").status());
  }
  LetTimePass(std::chrono::milliseconds(200));  // for what the shims still free
  for (const auto& pod : {pods.front().get(), pods.back().get()}) {
    const std::string path = absl::StrCat("/proc/", pod->client->pid(), "/smaps_rollup");
    const auto rollup = ReadFileAt(AT_FDCWD, path, 65536);
    Check(rollup.status());
    printf("%d shims, 2 containers and an exec each: PSS %ld kB, RSS %ld kB, private dirty %ld kB\n", kShims,
           Field(*rollup, "Pss:"), Field(*rollup, "Rss:"), Field(*rollup, "Private_Dirty:"));
  }
}

}  // namespace
}  // namespace crisp

int main() {
  crisp::MeasureLatency();
  crisp::MeasureMemory();
}
