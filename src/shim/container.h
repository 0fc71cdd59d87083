// Container: one container of the pod, from `create` to `delete`.
//
//   kStarting -> kRunning -> kEnding -> kExited     a start, then the exit of the first process
//       `-> kFailed                                 a start that failed and has been undone
//
// kEnding begins when the first process has been reaped: the rest is killed, the output read to its end, an OOM kill
// judged (shim/container_end.h). Then the exit record is written, and only then is the daemon told. The cgroups stay
// until Delete. No step blocks the shim: each is continued by the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/cgroup_core.h"
#include "shim/cgroup_end.h"
#include "shim/children.h"
#include "shim/container_end.h"
#include "shim/container_io.h"
#include "shim/context.h"
#include "shim/exec_cgroups.h"
#include "shim/exit_record.h"
#include "shim/loop.h"
#include "shim/messages.h"
#include "shim/runtime_command.h"
#include "shim/state.h"
#include "shim/stdio_owner.h"

namespace crisp::shim {

class Container {
 public:
  enum class State { kStarting, kRunning, kEnding, kExited, kFailed };
  using Answer = std::function<void(std::optional<Failure>)>;

  static constexpr int64_t kDefaultTimeout = 120'000'000'000;  // where the daemon sets none
  static constexpr int64_t kCleanUpTimeout = 10'000'000'000;   // of `delete --force` after a failure

  struct Callbacks {
    std::function<void(Container&)> exited;                      // once, when the container has become kExited
    std::function<void(Container&, uint64_t kills)> oom_killed;  // as OomWatch::Killed
    std::function<void(Container&, const LogLoss&)> log_loss;    // as LogPump::Told
  };

  Container(Context context, Start request, Callbacks callbacks);
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  // Creates and starts it. `answer` is called once; after a failure nothing of the container is left.
  void BeginStart(Answer answer);
  // Makes a start in progress fail. Nothing if it is over.
  void CancelStart();
  // Sends `signal` to the first process, or with `all` to every process in the cgroups. Success if there is none left.
  // 0 or an errno value.
  int Kill(int signal, bool all);
  // Kills it if it is alive, and deletes it. Its exit is told before `answer` is called. A second call joins the first.
  // Not to be called while kStarting.
  void BeginDelete(int64_t timeout_nanos, Answer answer);
  // Kills what is in the cgroups and removes them, without the runtime: for a container that it could not delete.
  void RemoveCgroups(CgroupEnd::Done done);
  // For an upgrade. What is under way and cannot be saved; empty if there is nothing: it runs, or has exited.
  std::string busy() const;
  ContainerState Save() const;
  void Restore(const ContainerState& state);  // in place of BeginStart
  int ReopenLog() { return io_.Reopen(); }
  ContainerIo& io() { return io_; }
  LogLoss log_loss() const { return io_.log_loss(); }

  bool start_told = false;  // for the server: a daemon has received Started

  const std::string& id() const { return request_.container_id; }
  const std::string& bundle() const { return request_.bundle; }
  const Runtime& runtime() const { return runtime_; }
  StdioOwner stdio_owner() const { return {request_.stdio_uid, request_.stdio_gid}; }
  // Where its processes are, one cgroup of each hierarchy. Of a container that runs, as is the next.
  const cgroup::Dirs& cgroups() const { return cgroups_; }
  const std::shared_ptr<ExecCgroups>& exec_cgroups() const { return exec_cgroups_; }
  State state() const { return state_; }
  pid_t pid() const { return pid_; }
  int64_t started_at() const { return started_at_; }
  // What is told of a start that has succeeded.
  Started started() const { return {static_cast<uint32_t>(pid_), started_at_, create_times_, start_times_}; }
  const ExitRecord& exit() const { return exit_; }

 private:
  // The first process has not been reaped. Afterwards pid_ may be another child's and is only reported.
  bool alive() const { return pid_ > 0 && !init_exit_.has_value(); }

  // The steps of a start, in order.
  void Create();
  void OnCreated(std::optional<Failure> failure);
  std::optional<Failure> TakeInit();
  void RunInit();
  void OnRunning(std::optional<Failure> failure);
  // The steps after one of them has failed: kill, `delete --force`, kill and remove the cgroups.
  void Abandon(Failure failure);
  void OnAbandoned(int error);

  // The steps of kEnding.
  void OnInitExit(const ChildExit& exit);
  void End();
  void OnEmptied(int error);
  void Report();
  void WriteRecord();
  void WriteRecordAt(int64_t due);

  // The steps of a delete: kill, wait for the first process, `delete --force`, remove the cgroups.
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
  Callbacks callbacks_;
  State state_ = State::kStarting;
  int64_t deadline_ = 0;
  Answer answer_;
  std::vector<Answer> delete_answers_;
  std::optional<Failure> failure_;
  RuntimeCommand command_;
  ContainerIo io_;
  ContainerEnd end_;
  CgroupEnd clean_up_;     // after a delete or a failed start
  cgroup::Dirs expected_;  // where cgroupsPath puts it
  cgroup::Dirs cgroups_;   // where the runtime put the first process
  std::shared_ptr<ExecCgroups> exec_cgroups_;
  pid_t pid_ = -1;          // of the first process, also after its end
  bool sigkilled_ = false;  // by the daemon's request
  int64_t started_at_ = 0;
  RunTimes create_times_;
  RunTimes start_times_;
  std::optional<ChildExit> init_exit_;
  ExitRecord exit_;
  bool deleted_ = false;  // all is gone; the answers to Delete wait until the exit has been told
  Loop::Timer delete_wait_ = 0;
  Loop::Timer record_retry_ = 0;
};

}  // namespace crisp::shim
