// Network namespaces: pinned to a file, so that they live without a process, and entered for a moment.
//
// Ownership: a pinned namespace belongs to its file. It lives until RemoveNetns, whatever happens to the daemon.
// Threading: all functions from any thread. A network namespace belongs to a thread, not to the process
//   (unshare(2), setns(2): CLONE_NEWNET moves the calling thread only), so each function does its work on a thread of
//   its own that ends with it: no other thread of the daemon can find itself elsewhere, even if a step fails half way.
//   A single-threaded helper process, which mount and user namespaces need, would give nothing more here.
// Errors: ErrnoStatus, naming the path and the step; ResourceExhausted if no thread can be had. After an error nothing
//   is left behind.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace crisp {

// Makes a network namespace and pins it by a bind mount of nsfs (namespaces(7)) on a new file `path`; makes the
// directory if need be. An error if `path` exists: it may pin somebody's namespace.
absl::Status CreateNetns(const std::string& path);

// Unpins it and removes the file, also one on which nothing is mounted (the daemon was killed between the two steps of
// CreateNetns). OK if it is not there. An error if something else than a network namespace is mounted there.
absl::Status RemoveNetns(const std::string& path);

// True if `path` pins a namespace; false if it does not exist or is anything else.
bool IsNetns(const std::string& path);

// Runs `work` on a thread inside the namespace that `path` pins, and gives back what it returned.
absl::Status RunInNetns(const std::string& path, absl::FunctionRef<absl::Status()> work);

}  // namespace crisp
