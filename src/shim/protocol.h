// The wire between crispd and crisp-shim, version 1.
//
// Transport. A SOCK_SEQPACKET unix socket at a path in a directory that only root can enter (0700). Each end takes
// nothing from a peer whose SO_PEERCRED uid is not its own effective one. The daemon binds and listens before it starts
// the shim, and hands the listening socket over as the shim's descriptor 0: who connects never finds "not yet there".
// A shim serves one daemon at a time: a connection that says hello replaces the one before, whose socket is closed.
//
// A message is one packet: a header, then the fields of its type in the order in which Fields() lists them.
//   header   u16 type, u16 zero, u32 zero, u64 id
//   u8..u64  little endian; i64 two's complement
//   text     u32 length, then bytes; every text has a cap (below), and a longer one makes the packet malformed
// `id` is chosen by the daemon, not 0, and comes back on every answer; events have id 0. Answers come in any order.
//
//   daemon → shim                          answered by
//   Hello      first, once                 HelloReply, or Error kVersion and the end of the connection
//   List                                   ListItem for each container, then Done
//   Start      `create` and `start`        Started; after Error nothing of the container is left. Of one that another
//                                          connection started, or starts: Started too, when it is
//   Kill       signal to one or to all     Done (also if it has exited)
//   Delete     `delete --force`, forget    Done (also if never known)
//   Exec       carries one descriptor:     ExecOutput as it comes, then ExecDone; after Error kDeadline or kCancelled
//              the OCI process object      the process and its children are gone
//   Cancel     of a Start or an Exec       nothing of its own: the cancelled request is answered, once
//   ReopenLog  after a rename              Done
//   Shutdown   kill, delete, leave         Done, then the end of the connection and of the process
//
//   shim → daemon                          when
//   Exited     (an event)                  after the exit record is on disk, to whoever is connected then. It is not
//                                          repeated: a daemon that connects later finds it in List.
//
// When the connection ends: containers go on, a Start goes on, an Exec is killed (nobody is left to read its result).
//
// How it may change. A daemon talks to shims that are older than it is, and must never need a restart of a pod:
//   - fields are only appended to a message; a reader skips what comes after the fields it knows (Decoder), and gives
//     appended fields that are not there their default (Decoder::more);
//   - message types and error codes are only added; an unknown request is answered Error kUnknownRequest, an unknown
//     event or answer is ignored;
//   - the version in Hello and HelloReply counts such additions, so that each side knows what the other understands;
//     a shim answers kVersion only to a daemon older than kOldestProtocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace crisp::shim {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr uint32_t kOldestProtocol = 1;

// Caps, in bytes.
inline constexpr size_t kMaxId = 256;
inline constexpr size_t kMaxPath = 4096;      // PATH_MAX
inline constexpr size_t kMaxText = 4096;      // of an error
inline constexpr size_t kMaxChunk = 32768;    // of an exec's output
inline constexpr size_t kMaxMessage = 36864;  // a packet: the longest is a Start, seven paths
inline constexpr size_t kMaxProcessJson = 8 << 20;
inline constexpr size_t kMaxDescriptors = 4;  // of one packet
inline constexpr size_t kHeaderSize = 16;

enum class Type : uint16_t {
  kHello = 1,
  kList = 2,
  kStart = 3,
  kKill = 4,
  kDelete = 5,
  kExec = 6,
  kCancel = 7,
  kReopenLog = 8,
  kShutdown = 9,

  kHelloReply = 101,
  kListItem = 102,
  kDone = 103,
  kError = 104,
  kStarted = 105,
  kExecOutput = 106,
  kExecDone = 107,
  kExited = 108,
};

enum class ErrorCode : uint8_t {
  kInternal = 1,
  kDeadline = 2,
  kCancelled = 3,
  kUnknownContainer = 4,
  kUnknownRequest = 5,
  kMalformed = 6,
  kVersion = 7,
  kContainerExists = 8,
  kNotRunning = 9,
};

// Fields() is all there is to know about a message's body: it is run by Encoder and by Decoder (codec.h).

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
  std::string pod_id;  // what it was started for
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(version);
    c.U32(pid);
    c.Text(pod_id, kMaxId);
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
  uint32_t exit_code = 0;   // as all below: if exited
  int64_t finished_at = 0;  // wall-clock nanoseconds
  uint8_t oom_killed = 0;
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U8(exited);
    c.U32(pid);
    c.I64(started_at);
    c.U32(exit_code);
    c.I64(finished_at);
    c.U8(oom_killed);
  }
};

struct Start {
  static constexpr Type kType = Type::kStart;
  static constexpr uint32_t kSystemdCgroup = 1;
  static constexpr uint32_t kNoPivotRoot = 2;
  static constexpr uint32_t kNoNewKeyring = 4;

  std::string container_id;
  std::string bundle;
  std::string exit_path;
  std::string log_path;        // empty: output is dropped
  int64_t log_line_limit = 0;  // bytes; 0 or less: the shim's own cap
  std::string runtime_binary;
  std::string runtime_root;
  uint32_t runtime_flags = 0;
  std::string cgroups_path;  // linux.cgroupsPath of the bundle
  uint64_t timeout_ns = 0;   // for create and start together; 0: the shim's own cap
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
  }
};

struct Started {
  static constexpr Type kType = Type::kStarted;
  uint32_t pid = 0;
  int64_t started_at = 0;  // wall-clock nanoseconds
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(pid);
    c.I64(started_at);
  }
};

struct Kill {
  static constexpr Type kType = Type::kKill;
  std::string container_id;
  uint32_t signal = 0;
  uint8_t all = 0;  // to every process in the container's cgroups
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
  uint64_t output_limit = 0;  // bytes of stdout and of stderr each; what is beyond is read and dropped
  template <typename Codec>
  void Fields(Codec& c) {
    c.Text(container_id, kMaxId);
    c.U64(timeout_ns);
    c.U64(output_limit);
  }
};

struct ExecOutput {
  static constexpr Type kType = Type::kExecOutput;
  uint8_t stream = 0;     // 1 stdout, 2 stderr
  std::string_view data;  // of the packet it was decoded from
  template <typename Codec>
  void Fields(Codec& c) {
    c.U8(stream);
    c.View(data, kMaxChunk);
  }
};

struct ExecDone {
  static constexpr Type kType = Type::kExecDone;
  uint32_t exit_code = 0;  // 128 + signal if a signal ended it
  template <typename Codec>
  void Fields(Codec& c) {
    c.U32(exit_code);
  }
};

struct Cancel {
  static constexpr Type kType = Type::kCancel;
  uint64_t request = 0;  // the id of the request to end
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
  std::string step;  // "create", "open log", …
  std::string text;  // the runtime's or the kernel's own words
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

}  // namespace crisp::shim
