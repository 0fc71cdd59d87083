// The messages of shim/protocol.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shim/protocol.h"

namespace crisp::shim {

// Fields() lists the fields of a message's body; Encoder and Decoder (shim/codec.h) both run it.

struct Hello {
  static constexpr Type kType = Type::kHello;
  uint32_t version = kProtocolVersion;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(version);
  }
};

struct HelloReply {
  static constexpr Type kType = Type::kHelloReply;
  uint32_t version = kProtocolVersion;
  uint32_t pid = 0;    // of the shim, in the pid namespace of both
  std::string pod_id;  // the pod that the shim was started for
  std::string build;   // since version 7: the name of the program that runs (shim/build.h)
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(version);
    c.U32(pid);
    c.Text(pod_id, kMaxId);
    if (c.more()) c.Text(build, kMaxId);
  }
};

struct List {
  static constexpr Type kType = Type::kList;
  template <typename Codec>
  void Fields(Codec&) {}
};

struct ListItem {
  static constexpr Type kType = Type::kListItem;
  std::string container_id;
  uint8_t exited = 0;
  uint32_t pid = 0;
  int64_t started_at = 0;   // wall-clock nanoseconds
  uint32_t exit_code = 0;   // this and the next two: valid if exited
  int64_t finished_at = 0;  // wall-clock nanoseconds
  uint8_t oom_killed = 0;
  uint8_t starting = 0;      // since version 3: the start is in progress, pid and started_at are not known yet
  uint8_t log_dropping = 0;  // this and the next two since version 5, as in LogLost
  uint64_t log_lost_bytes = 0;
  uint64_t log_lost_lines = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U8(exited);
    c.U32(pid);
    c.I64(started_at);
    c.U32(exit_code);
    c.I64(finished_at);
    c.U8(oom_killed);
    if (c.more()) c.U8(starting);
    if (!c.more()) return;
    c.U8(log_dropping);
    c.U64(log_lost_bytes);
    c.U64(log_lost_lines);
  }
};

struct Start {
  static constexpr Type kType = Type::kStart;
  static constexpr uint32_t kSystemdCgroup = 1;
  static constexpr uint32_t kNoPivotRoot = 2;
  static constexpr uint32_t kNoNewKeyring = 4;
  static constexpr uint32_t kStdin = 1;       // stdin is a pipe from the shim, or the terminal; else /dev/null
  static constexpr uint32_t kStdinOnce = 2;   // stdin is closed when the first attachment to it ends
  static constexpr uint32_t kTerminal = 4;    // must match process.terminal of the bundle
  static constexpr uint32_t kAttachable = 8;  // output goes through the shim even without a log

  std::string container_id;
  std::string bundle;
  std::string exit_path;
  std::string log_path;        // empty: output is dropped
  int64_t log_line_limit = 0;  // bytes; 0 or less: the shim's own cap
  std::string runtime_binary;
  std::string runtime_root;
  uint32_t runtime_flags = 0;
  std::string cgroups_path;  // linux.cgroupsPath of the bundle
  uint64_t timeout_ns = 0;   // for create and start together; 0: the shim's default
  uint32_t stdio_flags = 0;  // since version 2
  // Since version 5: the owner of the container's ends of its pipes, and of those of its execs (shim/stdio_owner.h).
  uint32_t stdio_uid = 0;
  uint32_t stdio_gid = 0;
  // Since version 5: for how long the container waits for a log that cannot be written, before output is lost.
  uint64_t log_wait_ns = 5'000'000'000;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.Text(bundle, kMaxPath);
    c.Text(exit_path, kMaxPath);
    c.Text(log_path, kMaxPath);
    c.I64(log_line_limit);
    c.Text(runtime_binary, kMaxPath);
    c.Text(runtime_root, kMaxPath);
    c.U32(runtime_flags);
    c.Text(cgroups_path, kMaxPath);
    c.U64(timeout_ns);
    if (c.more()) c.U32(stdio_flags);
    if (c.more()) c.U32(stdio_uid);
    if (c.more()) c.U32(stdio_gid);
    if (c.more()) c.U64(log_wait_ns);
  }
};

// When one run of the OCI runtime began and ended: nanoseconds of CLOCK_MONOTONIC, which is the same for all processes
// of a machine. 0: it did not.
struct RunTimes {
  int64_t begun = 0;
  int64_t ended = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.I64(begun);
    c.I64(ended);
  }
};

struct Started {
  static constexpr Type kType = Type::kStarted;
  uint32_t pid = 0;
  int64_t started_at = 0;  // wall-clock nanoseconds
  RunTimes create;         // this and the next since version 6
  RunTimes start;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(pid);
    c.I64(started_at);
    if (c.more()) create.Fields(c);
    if (c.more()) start.Fields(c);
  }
};

struct Kill {
  static constexpr Type kType = Type::kKill;
  std::string container_id;
  uint32_t signal = 0;
  uint8_t all = 0;  // 1: to every process in the container's cgroups
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U32(signal);
    c.U8(all);
  }
};

struct Delete {
  static constexpr Type kType = Type::kDelete;
  std::string container_id;
  uint64_t timeout_ns = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U64(timeout_ns);
  }
};

struct Exec {
  static constexpr Type kType = Type::kExec;
  std::string container_id;
  uint64_t timeout_ns = 0;    // 0: none
  uint64_t output_limit = 0;  // bytes of stdout and of stderr each; more is read and dropped
  uint8_t planned = 0;        // since version 8: the descriptor is of an ExecPlan (shim/exec_plan.h)
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U64(timeout_ns);
    c.U64(output_limit);
    if (c.more()) c.U8(planned);
  }
};

struct ExecOutput {
  static constexpr Type kType = Type::kExecOutput;
  uint8_t stream = 0;     // 1 stdout, 2 stderr
  std::string_view data;  // points into the packet it was decoded from
  template <typename Codec>
  void Fields(Codec& c) {
    c.U8(stream);
    c.View(data, kMaxChunk);
  }
};

struct ExecDone {
  static constexpr Type kType = Type::kExecDone;
  uint32_t exit_code = 0;  // 128 + signal if a signal ended it
  RunTimes exec;           // since version 6: after `ended` the process itself ran
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(exit_code);
    if (c.more()) exec.Fields(c);
  }
};

struct ExecStream {
  static constexpr Type kType = Type::kExecStream;
  std::string container_id;
  uint8_t streams = 0;   // kStdinBit and so on; none with a terminal
  uint8_t terminal = 0;  // must match "terminal" of the process object
  uint8_t planned = 0;   // since version 8, as in Exec
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U8(streams);
    c.U8(terminal);
    if (c.more()) c.U8(planned);
  }
};

struct Attach {
  static constexpr Type kType = Type::kAttach;
  std::string container_id;
  uint8_t streams = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U8(streams);
  }
};

struct Opened {
  static constexpr Type kType = Type::kOpened;
  template <typename Codec>
  void Fields(Codec&) {}
};

struct AttachDone {
  static constexpr Type kType = Type::kAttachDone;
  uint8_t exited = 0;  // 1: the container has exited, with this code
  uint32_t exit_code = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U8(exited);
    c.U32(exit_code);
  }
};

struct Cancel {
  static constexpr Type kType = Type::kCancel;
  uint64_t request = 0;  // the id of the request to cancel
  template <typename Codec>
  void Fields(Codec& c) {
    c.U64(request);
  }
};

struct ReopenLog {
  static constexpr Type kType = Type::kReopenLog;
  std::string container_id;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
  }
};

struct Upgrade {
  static constexpr Type kType = Type::kUpgrade;
  std::string program;  // absolute; as the shim sees it
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(program, kMaxPath);
  }
};

struct Shutdown {
  static constexpr Type kType = Type::kShutdown;
  template <typename Codec>
  void Fields(Codec&) {}
};

struct Done {
  static constexpr Type kType = Type::kDone;
  template <typename Codec>
  void Fields(Codec&) {}
};

struct Error {
  static constexpr Type kType = Type::kError;
  ErrorCode code = ErrorCode::kInternal;
  std::string step;  // "create", "open log" and so on
  std::string text;  // the message of the runtime or the kernel
  template <typename Codec>
  void Fields(Codec& c) {
    c.Enum8(code);
    c.Text(step, kMaxId);
    c.Text(text, kMaxText);
  }
};

struct Exited {
  static constexpr Type kType = Type::kExited;
  std::string container_id;
  uint32_t exit_code = 0;
  int64_t finished_at = 0;
  uint8_t oom_killed = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U32(exit_code);
    c.I64(finished_at);
    c.U8(oom_killed);
  }
};

struct OomKill {
  static constexpr Type kType = Type::kOomKill;
  std::string container_id;
  uint64_t kills = 0;  // processes killed since the container's start, in all
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U64(kills);
  }
};

struct LogLost {
  static constexpr Type kType = Type::kLogLost;
  std::string container_id;
  uint8_t dropping = 0;  // 1: output is being lost; 0: the log can be written again
  uint64_t bytes = 0;    // lost since the container's start, in all
  uint64_t lines = 0;
  std::string error;  // the kernel's text, while output is being lost
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U8(dropping);
    c.U64(bytes);
    c.U64(lines);
    c.Text(error, kMaxText);
  }
};

}  // namespace crisp::shim
