// The state of a shim, as one program of crisp-shim hands it to the next when it is upgraded in place (shim/upgrade.h).
//
// Everything that the new program needs and cannot ask the kernel for. What the state does not have is not under way
// when it is written: no start, no end of a container, no delete, and no exec that is being launched or killed.
//
// Descriptors are numbers, -1 for none; the kernel keeps them over execve(2). Times that end in `_due` are those of
// timers, in nanoseconds of CLOCK_MONOTONIC, 0 for none. Flags are 0 or 1.
//
// How the format may change: as that of the protocol (shim/protocol.h). Fields are appended to a record, and read with
// `more`; kStateVersion counts each change. A program reads every version from kOldestState to its own. It is asked
// before it is run (crisp-shim --takes-state VERSION), and refuses what is newer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/cgroup_core.h"
#include "shim/messages.h"

namespace crisp::shim {

inline constexpr uint32_t kStateVersion = 1;
inline constexpr uint32_t kOldestState = 1;
inline constexpr size_t kMaxStateText = 256 << 20;  // of any text in it: what clients and a log have not taken

struct CgroupState {
  cgroup::Dir dir;
  template <typename Codec>
  void Fields(Codec& c) {
    uint8_t v2 = dir.v2 ? 1 : 0;
    c.Text(dir.path, kMaxStateText);
    c.Text(dir.controllers, kMaxStateText);
    c.U8(v2);
    dir.v2 = v2 != 0;
  }
};

// Of Children.
struct ChildState {
  uint32_t pid = 0;
  int pidfd = -1;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(pid);
    c.Descriptor(pidfd);
  }
};

// Of Connections.
struct PacketState {
  std::string packet;
  int attached = -1;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(packet, kMaxMessage);
    c.Descriptor(attached);
  }
};

struct ConnectionState {
  int socket = -1;
  uint8_t greeted = 0;
  uint8_t current = 0;
  uint32_t version = 0;
  std::vector<PacketState> queue;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Descriptor(socket);
    c.U8(greeted);
    c.U8(current);
    c.U32(version);
    c.List(queue);
  }
};

// Of Tee.
struct TeeClientState {
  uint64_t id = 0;
  int end = -1;
  uint64_t left = 0;
  int64_t patience_due = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U64(id);
    c.Descriptor(end);
    c.U64(left);
    c.I64(patience_due);
  }
};

struct TeeState {
  std::string held;
  uint8_t ended = 0;
  std::vector<TeeClientState> clients;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(held, kMaxStateText);
    c.U8(ended);
    c.List(clients);
  }
};

// Of Input.
struct SourceState {
  uint64_t client = 0;
  int pipe = -1;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U64(client);
    c.Descriptor(pipe);
  }
};

struct InputState {
  int sink = -1;
  uint8_t once = 0;
  uint8_t full = 0;
  std::vector<SourceState> sources;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Descriptor(sink);
    c.U8(once);
    c.U8(full);
    c.List(sources);
  }
};

struct LineState {
  uint32_t length = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(length);
  }
};

// Of LogWriter. The file may be another than that of the path: one that was renamed and not yet opened again.
struct LogWriterState {
  int file = -1;
  uint64_t inode = 0;
  std::string carry[2];
  std::string pending;
  std::vector<LineState> pending_lines;
  uint32_t last_error = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Descriptor(file);
    c.U64(inode);
    for (std::string& text : carry) c.Text(text, kMaxStateText);
    c.Text(pending, kMaxStateText);
    c.List(pending_lines);
    c.U32(last_error);
  }
};

// Of LogPump.
struct LogPumpState {
  uint8_t logged = 0;
  LogWriterState writer;  // if it is logged
  int read_ends[2] = {-1, -1};
  uint8_t terminal = 0;
  int64_t wait_nanos = 0;
  int64_t written_since = 0;
  int64_t retry_due = 0;
  int64_t wait_due = 0;
  uint8_t dropping = 0;
  uint64_t gap_bytes[2] = {0, 0};
  uint64_t gap_newlines[2] = {0, 0};
  uint64_t noted_bytes = 0;
  uint64_t noted_lines = 0;
  int64_t told_at = 0;
  uint8_t draining = 0;
  uint8_t finishing = 0;
  uint8_t end_told = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U8(logged);
    c.Record(writer);
    for (int& end : read_ends) c.Descriptor(end);
    c.U8(terminal);
    for (int64_t* time : {&wait_nanos, &written_since, &retry_due, &wait_due}) c.I64(*time);
    c.U8(dropping);
    for (uint64_t& bytes : gap_bytes) c.U64(bytes);
    for (uint64_t& lines : gap_newlines) c.U64(lines);
    c.U64(noted_bytes);
    c.U64(noted_lines);
    c.I64(told_at);
    for (uint8_t* flag : {&draining, &finishing, &end_told}) c.U8(*flag);
  }
};

// Of ContainerIo.
struct IoState {
  TeeState tees[2];
  LogPumpState pump;
  InputState input;
  int master = -1;
  template <typename Codec>
  void Fields(Codec& c) {
    for (TeeState& tee : tees) c.Record(tee);
    c.Record(pump);
    c.Record(input);
    c.Descriptor(master);
  }
};

// Of OomWatch.
struct OomState {
  int counts = -1;
  int counts_above = -1;
  int event = -1;
  int64_t above = 0;
  uint64_t signals = 0;
  int64_t settle_due = 0;
  int64_t report_due = 0;
  int64_t kills = 0;
  int64_t reported = 0;
  uint8_t killed = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    for (int* fd : {&counts, &counts_above, &event}) c.Descriptor(*fd);
    c.I64(above);
    c.U64(signals);
    for (int64_t* number : {&settle_due, &report_due, &kills, &reported}) c.I64(*number);
    c.U8(killed);
  }
};

// Of ExecCgroups. Those of execs that run are in the state of these.
struct ExecCgroupsState {
  uint64_t made = 0;
  std::vector<CgroupState> idle;
  std::vector<CgroupState> emptying;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U64(made);
    c.List(idle);
    c.List(emptying);
  }
};

// Of a Container that runs or has exited.
struct ContainerState {
  Start request;
  uint8_t exited = 0;
  uint32_t pid = 0;
  int64_t started_at = 0;
  RunTimes create;
  RunTimes start;
  uint8_t sigkilled = 0;
  uint8_t start_told = 0;
  uint32_t exit_code = 0;  // this and the next three if it has exited
  int64_t finished_at = 0;
  uint8_t oom_killed = 0;
  int64_t record_due = 0;  // the exit record could not be written yet
  std::vector<CgroupState> cgroups;
  IoState io;
  OomState oom;
  ExecCgroupsState exec_cgroups;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Record(request);
    c.U8(exited);
    c.U32(pid);
    c.I64(started_at);
    create.Fields(c);
    start.Fields(c);
    c.U8(sigkilled);
    c.U8(start_told);
    c.U32(exit_code);
    c.I64(finished_at);
    c.U8(oom_killed);
    c.I64(record_due);
    c.List(cgroups);
    c.Record(io);
    c.Record(oom);
    c.Record(exec_cgroups);
  }
};

// Which request of which connection a session answers, and in which container it is.
struct SessionState {
  uint32_t connection = 0;  // index in ShimState::connections
  uint64_t request = 0;
  std::string container_id;
  uint64_t number = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(connection);
    c.U64(request);
    c.Text(container_id, kMaxId);
    c.U64(number);
  }
};

// Of ExecProcess.
struct ProcessState {
  int64_t pid = -1;  // -1: it has ended
  RunTimes launch;
  std::vector<CgroupState> cgroup;  // one or none
  template <typename Codec>
  void Fields(Codec& c) {
    c.I64(pid);
    launch.Fields(c);
    c.List(cgroup);
  }
};

struct CollectedExecState {
  SessionState session;
  ProcessState process;
  int ends[2] = {-1, -1};
  uint64_t left[2] = {0, 0};
  uint8_t exited = 0;
  uint32_t exit_code = 0;
  uint8_t paused = 0;
  int64_t deadline_due = 0;
  int64_t drain_due = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Record(session);
    c.Record(process);
    for (int& end : ends) c.Descriptor(end);
    for (uint64_t& bytes : left) c.U64(bytes);
    c.U8(exited);
    c.U32(exit_code);
    c.U8(paused);
    c.I64(deadline_due);
    c.I64(drain_due);
  }
};

struct StreamedExecState {
  SessionState session;
  ProcessState process;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Record(session);
    c.Record(process);
  }
};

struct AttachmentState {
  SessionState session;
  uint32_t outputs = 0;
  uint8_t hung_up = 0;
  uint8_t exited = 0;
  uint32_t exit_code = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Record(session);
    c.U32(outputs);
    c.U8(hung_up);
    c.U8(exited);
    c.U32(exit_code);
  }
};

struct ShimState {
  std::string build;         // of the program that wrote it (shim/build.h)
  std::string original_oom;  // oom_score_adj of the shim before it protected itself, for its children; empty: unchanged
  int listener = -1;
  uint8_t leaving = 0;
  uint64_t last_session = 0;
  std::vector<ChildState> children;
  std::vector<ConnectionState> connections;
  std::vector<ContainerState> containers;
  std::vector<CollectedExecState> collected;
  std::vector<StreamedExecState> streamed;
  std::vector<AttachmentState> attachments;
  uint32_t asked_by = 0;  // the connection that asked for the upgrade, and its request
  uint64_t asked = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(build, kMaxId);
    c.Text(original_oom, kMaxId);
    c.Descriptor(listener);
    c.U8(leaving);
    c.U64(last_session);
    c.List(children);
    c.List(connections);
    c.List(containers);
    c.List(collected);
    c.List(streamed);
    c.List(attachments);
    c.U32(asked_by);
    c.U64(asked);
  }
};

// The state as bytes, and the descriptors that it names. Empty if a text is over its cap.
std::string EncodeState(ShimState& state, std::vector<int>* descriptors);

// Empty, or why the bytes are not a state that this program can go on from: they are not whole, of another version, or
// contradict themselves. `state` then has no meaning.
std::string DecodeState(std::string_view bytes, ShimState* state, std::vector<int>* descriptors);

}  // namespace crisp::shim
