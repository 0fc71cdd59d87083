// ExecPlan: what the process of a native exec is to be, as the daemon tells it to the exec helper (src/exec_helper).
//
// The daemon writes it into a memory file and sends that with the request (shim/protocol.h); the shim passes the
// descriptor on without reading more than the head. It never leaves the machine: integers have its byte order. A reader
// takes its own kExecPlanVersion only, and the shim asks for a run of the OCI runtime in place of any other.
//
//   ExecPlan                the head
//   sock_filter[]           `instructions`: the seccomp filter (linux/filter.h)
//   ExecLimit[]             `limits`
//   uint32_t[]              `groups`: the supplementary ones
//   texts, each with a NUL  the session keyring's name (empty: none is joined), the working directory, then
//                           `arguments` and `variables` ("NAME=value")
#pragma once

#include <cstddef>
#include <cstdint>

namespace crisp::shim {

inline constexpr uint32_t kExecPlanVersion = 1;

struct ExecLimit {
  uint64_t resource = 0;  // RLIMIT_*
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct ExecPlan {
  static constexpr uint32_t kTerminal = 1;
  static constexpr uint32_t kNoNewPrivileges = 2;
  static constexpr uint32_t kSeccomp = 4;

  uint32_t version = kExecPlanVersion;
  uint32_t size = 0;  // of the whole plan, in bytes
  uint32_t flags = 0;
  uint32_t namespaces = 0;  // CLONE_NEW*: those of the container's first process that are joined
  uint32_t uid = 0;
  uint32_t gid = 0;
  int32_t oom_score_adj = 0;
  uint32_t seccomp_flags = 0;  // SECCOMP_FILTER_FLAG_*
  uint32_t instructions = 0;
  uint32_t limits = 0;
  uint32_t groups = 0;
  uint32_t arguments = 0;  // at least one
  uint32_t variables = 0;
  uint32_t zero = 0;
  uint64_t bounding = 0;  // masks of capabilities
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
  uint64_t ambient = 0;
};
static_assert(sizeof(ExecPlan) == 96, "the layout has no gaps");

inline constexpr size_t kMaxExecPlan = 8 << 20;

// The helper's descriptors besides its stdio.
inline constexpr int kExecPlanFd = 3;
inline constexpr int kExecReportFd = 4;  // a SOCK_SEQPACKET socket to the shim
inline constexpr int kExecInitFd = 5;    // a pidfd of the container's first process
inline constexpr int kExecCgroupFd = 6;  // the first of any number of files of cgroups that take "0" for the writer

}  // namespace crisp::shim
