// Container: one container of the pod, from `create` to `delete`.
//
//   kStarting → kRunning → kEnding → kExited        Start, then the exit of its first process
//       └→ kFailed                                  a Start that failed; nothing of it is left
//
// kEnding: the first process has been reaped. What else is in the container's cgroups is killed (without a pid
// namespace of its own it would live on), the output is read to its end or for kDrainNanos, the exit record is written,
// and only then is the exit told.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/cgroup_core.h"
#include "shim/cgroup_end.h"
#include "shim/children.h"
#include "shim/container_io.h"
#include "shim/context.h"
#include "shim/exit_record.h"
#include "shim/loop.h"
#include "shim/messages.h"
#include "shim/oom_watch.h"
#include "shim/runtime_command.h"

namespace crisp::shim {

class Container {
 public:
  enum class State { kStarting, kRunning, kEnding, kExited, kFailed };
  using Answer = std::function<void(std::optional<Failure>)>;

  static constexpr int64_t kDrainNanos = 2'000'000'000;
  static constexpr int64_t kDefaultTimeout = 120'000'000'000;  // of what the daemon sets no limit for
  static constexpr int64_t kCleanUpTimeout = 10'000'000'000;   // of `delete --force` after a failure

  // `exited` is called once, when the container is kExited.
  Container(Context context, Start request, std::function<void(Container&)> exited);
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  void BeginStart(Answer answer);
  void CancelStart();
  int Kill(int signal, bool all);  // 0 or an errno value
  // Kills it if it is alive; its exit is told before `answer`. Joins one that is under way; not while kStarting.
  void BeginDelete(int64_t timeout_nanos, Answer answer);
  // Without the runtime, after it could not delete it: kills what is in its cgroups and removes them.
  void RemoveCgroups(CgroupEnd::Done done);
  int ReopenLog() { return io_.Reopen(); }
  ContainerIo& io() { return io_; }

  bool start_told = false;  // the server's: a daemon has been told that it runs

  const std::string& id() const { return request_.container_id; }
  const std::string& bundle() const { return request_.bundle; }
  const Runtime& runtime() const { return runtime_; }
  const cgroup::Dirs& cgroups() const { return cgroups_; }  // where its first process was put
  State state() const { return state_; }
  pid_t pid() const { return pid_; }
  int64_t started_at() const { return started_at_; }
  const ExitRecord& exit() const { return exit_; }

 private:
  // Its first process is there and has not been reaped. After that its pid may be another child's: it is told, and
  // nobody is looked for by it.
  bool alive() const { return pid_ > 0 && !init_exit_.has_value(); }

  // The steps of a start, in order.
  void Create();
  void OnCreated(std::optional<Failure> failure);
  std::optional<Failure> TakeInit();
  void RunInit();
  void OnRunning(std::optional<Failure> failure);
  // And of a failed one.
  void Abandon(Failure failure);
  void OnAbandoned(int error);

  // The steps of an end.
  void OnInitExit(const ChildExit& exit);
  void End();
  void Drain();
  void FinishDrain();
  void OnDrained();
  void ReportIfOver();
  void Report();
  void WriteRecord();

  // The steps of a delete: kill, wait for the first process, `delete --force`.
  void DeleteDead();
  void OnDeleted(std::optional<Failure> failure);
  void OnCgroupsRemoved();
  void AnswerDelete(std::optional<Failure> failure);

  void RunDelete(int64_t timeout_nanos, RuntimeCommand::Finished finished);
  int64_t TimeLeft() const { return deadline_ - MonoNanos(); }
  std::string InBundle(std::string_view name) const { return request_.bundle + "/" + std::string(name); }

  Context context_;
  Start request_;
  Runtime runtime_;
  std::function<void(Container&)> exited_;
  State state_ = State::kStarting;
  int64_t deadline_ = 0;
  Answer answer_;
  std::vector<Answer> delete_answers_;
  std::optional<Failure> failure_;
  RuntimeCommand command_;
  ContainerIo io_;
  OomWatch oom_;
  CgroupEnd kill_;         // of what an exit or a failed start leaves alive
  CgroupEnd clean_up_;     // of the cgroups
  cgroup::Dirs expected_;  // where its cgroupsPath puts it
  cgroup::Dirs cgroups_;
  pid_t pid_ = -1;          // of its first process, also when that has ended
  bool sigkilled_ = false;  // on behalf of the daemon
  int64_t started_at_ = 0;
  std::optional<ChildExit> init_exit_;
  bool emptied_ = false;     // the processes that the first one left are dead
  bool drained_ = false;     // all output has been read, or as much as is waited for
  bool oom_judged_ = false;  // exit_.oom_killed is known
  bool deleted_ = false;     // all is gone; the answers wait for the exit to be told
  ExitRecord exit_;
  Loop::Timer drain_ = 0;
  Loop::Timer delete_wait_ = 0;
  Loop::Timer record_retry_ = 0;
};

}  // namespace crisp::shim
