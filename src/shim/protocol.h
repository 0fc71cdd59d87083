// The wire between crispd and crisp-shim, version 8.
//
// Transport. A SOCK_SEQPACKET unix socket at a path in a directory that only root can enter (0700). Each end accepts
// only peers whose SO_PEERCRED uid is its own effective uid. The daemon binds and listens before it starts the shim and
// passes the listening socket as the shim's descriptor 0, so a client can connect from the start. A shim serves one
// daemon at a time: a connection that says hello replaces the previous one, whose socket is closed.
//
// A message is one packet: a header, then the fields of its type in the order of Fields() (shim/messages.h).
//   header   u16 type, u16 zero, u32 zero, u64 id
//   u8..u64  little endian; i64 two's complement
//   text     u32 length, then bytes; every text has a cap (below); a longer one makes the packet malformed
// The daemon chooses `id`, not 0, and every answer carries it; events have id 0. Answers come in any order.
//
//   daemon -> shim                         answer
//   Hello      first, once                 HelloReply, or Error kVersion and the end of the connection
//   List                                   a ListItem for each container, then Done. A container that is being started
//                                          is listed from version 3 on only: older daemons take every listed container
//                                          for started
//   Start      runs `create` and `start`   Started, or Error when nothing of the container is left. A duplicate Start
//                                          from a new connection waits for the first one and returns its result, also
//                                          if the container has exited by then and nobody has received its Started
//   Kill       signals one process or all  Done, also if the container has exited
//   Delete     runs `delete --force` and   Done, also for a container that the shim does not know
//              forgets the container
//   Exec       runs a process; carries     ExecOutput as output comes, then ExecDone. After Error kDeadline or
//              one descriptor, the OCI     kCancelled the process and its children have been killed. After Error
//              process object or, since    kUseRuntime (8) nothing has happened: the request is to be repeated with a
//              version 8, an ExecPlan      process object, which the OCI runtime runs
//   ExecStream runs a process; carries     Opened when the process runs, with the terminal's master if there is one;
//   (2)        the OCI process object, or  ExecDone when it has ended. The process reads and writes the daemon's own
//              the plan, then its ends of  pipes, the shim copies nothing; ExecDone may come before the daemon has read
//              its streams. As Exec        them to their ends
//   Attach     carries ends of pipes: to   Opened, with the terminal's master if there is one. AttachDone when the
//   (2)        read stdin from, to write   container has exited and its output has been taken, or when nobody reads
//              stdout and stderr to        the output any more; Error kTooSlow if the reader took nothing for 5 s
//   Cancel     ends a Start, an exec or    no answer of its own. The cancelled request gets its one answer; a stream
//              an Attach                   that was Opened ends with an Error
//   ReopenLog  after a rename              Done
//   Upgrade    replaces the shim's program HelloReply of the program that then runs: the process, its containers and
//   (7)        in place (shim/upgrade.h)   connections stay. Error kBusy, after at most 5 s, while something is under
//                                          way: ask again later. After any Error the program is the old one; it is also
//                                          the old one if the HelloReply has the old build
//   Shutdown   kills and deletes every     Done when no process and no cgroup of any container is left, else Error.
//              container                   Either way the shim then closes the connection and exits
//
//   shim -> daemon                         when
//   Exited     (an event)                  the exit record is on disk. Sent once, to the daemon that is connected then;
//                                          one that connects later finds the exit with List
//   OomKill    (an event; 4)               the OOM killer has killed processes of a container. At most once a second
//                                          for each; one that nobody receives is lost
//   LogLost    (an event; 5)               output of a container is being lost, because its log cannot be written;
//   every
//                                          10 s while that is so; and when the log can be written again. One that
//                                          nobody receives is lost, but List has the counts
//
// A number in parentheses is the version of the protocol that added the message.
//
// When the connection ends, containers and a Start in progress go on, execs are killed because nobody is left to read
// their results, and attachments end.
//
// How the protocol may change. A daemon talks to shims that are older than itself and must never need to restart a pod:
//   - fields are only appended to a message; a reader skips what follows the fields it knows (Decoder), and gives
//     missing appended fields their defaults (Decoder::more);
//   - message types and error codes are only added; an unknown request is answered with Error kUnknownRequest, an
//     unknown event or answer is ignored;
//   - the version in Hello and HelloReply counts such additions, so that each side knows what the other understands;
//     a shim answers kVersion only to a daemon older than kOldestProtocol.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crisp::shim {

inline constexpr uint32_t kProtocolVersion = 8;
inline constexpr uint32_t kOldestProtocol = 1;

// Caps, in bytes.
inline constexpr size_t kMaxId = 256;
inline constexpr size_t kMaxPath = 4096;      // PATH_MAX
inline constexpr size_t kMaxText = 4096;      // of an error
inline constexpr size_t kMaxChunk = 32768;    // of an exec's output
inline constexpr size_t kMaxMessage = 36864;  // of a packet; the longest is a Start with its paths
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
  kExecStream = 10,
  kAttach = 11,
  kUpgrade = 12,

  kHelloReply = 101,
  kListItem = 102,
  kDone = 103,
  kError = 104,
  kStarted = 105,
  kExecOutput = 106,
  kExecDone = 107,
  kExited = 108,
  kOpened = 109,
  kAttachDone = 110,
  kOomKill = 111,
  kLogLost = 112,
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
  kTooSlow = 10,
  kBusy = 11,
  kUseRuntime = 12,
};

// The streams that a message is about. Their descriptors come with it in this order.
inline constexpr uint8_t kStdinBit = 1;
inline constexpr uint8_t kStdoutBit = 2;
inline constexpr uint8_t kStderrBit = 4;

}  // namespace crisp::shim
