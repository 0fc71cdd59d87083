// The wire between crispd and crisp-shim, version 3.
//
// Transport. A SOCK_SEQPACKET unix socket at a path in a directory that only root can enter (0700). Each end takes
// nothing from a peer whose SO_PEERCRED uid is not its own effective one. The daemon binds and listens before it starts
// the shim, and hands the listening socket over as the shim's descriptor 0: who connects never finds "not yet there".
// A shim serves one daemon at a time: a connection that says hello replaces the one before, whose socket is closed.
//
// A message is one packet: a header, then the fields of its type in the order in which Fields() lists them
// (shim/messages.h).
//   header   u16 type, u16 zero, u32 zero, u64 id
//   u8..u64  little endian; i64 two's complement
//   text     u32 length, then bytes; every text has a cap (below), and a longer one makes the packet malformed
// `id` is chosen by the daemon, not 0, and comes back on every answer; events have id 0. Answers come in any order.
//
//   daemon → shim                          answered by
//   Hello      first, once                 HelloReply, or Error kVersion and the end of the connection
//   List                                   ListItem for each container, then Done. One that is being started is told to
//                                          daemons of version 3 and later only: an older one takes what is listed for
//                                          started, and finds it out only by asking for the start again
//   Start      `create` and `start`        Started; after Error nothing of the container is left. Of one that another
//                                          connection started, or starts: Started too, when it is; if that end had
//                                          gone before it was told, also after the container has exited
//   Kill       signal to one or to all     Done (also if it has exited)
//   Delete     `delete --force`, forget    Done (also if never known)
//   Exec       carries one descriptor:     ExecOutput as it comes, then ExecDone; after Error kDeadline or kCancelled
//              the OCI process object      the process and its children are gone
//   ExecStream carries the OCI process     Opened when the process runs, ExecDone when it has ended. Opened carries
//   (2)        object, then the process's  the terminal's master if there is one. The process reads and writes the
//              ends of its streams         daemon's own pipes: the shim copies nothing. Its end may be told before
//                                          they have been read to theirs
//   Attach     carries ends of pipes: to   Opened, with the terminal's master if there is one; AttachDone when the
//   (2)        read stdin from, to write   container has exited and its output has been taken, or when nobody reads
//              stdout and stderr to        any more; Error kTooSlow when the reader took nothing for 5 s
//   Cancel     of a Start, of an exec, of  nothing of its own: the cancelled request is answered, once; one that has
//              an Attach                   been Opened by its end, an Error
//   ReopenLog  after a rename              Done
//   Shutdown   kill, delete, leave         Done when no process and no cgroup of any container is left, else Error;
//   then
//                                          the end of the connection and of the process, whichever it was
//
//   shim → daemon                          when
//   Exited     (an event)                  after the exit record is on disk, to whoever is connected then. It is not
//                                          repeated: a daemon that connects later finds it in List.
//
// A number in parentheses is the version of the protocol that brought the message.
//
// When the connection ends: containers go on, a Start goes on, an exec is killed (nobody is left to read its result),
// an attachment ends.
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

namespace crisp::shim {

inline constexpr uint32_t kProtocolVersion = 3;
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
  kExecStream = 10,
  kAttach = 11,

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
};

// Streams that a message is about; their descriptors come with it in this order.
inline constexpr uint8_t kStdinBit = 1;
inline constexpr uint8_t kStdoutBit = 2;
inline constexpr uint8_t kStderrBit = 4;

}  // namespace crisp::shim
