// Network namespaces. A namespace is pinned to a file, so that it exists without a process, and entered by a thread for
// a moment.
//
// Ownership: a pinned namespace belongs to its file and lives until RemoveNetns, whatever happens to the daemon.
// Threading: all functions from any thread. CLONE_NEWNET moves only the calling thread (unshare(2), setns(2)), so each
//   function works on a thread of its own that ends with the call: no other thread of the daemon ever changes its
//   namespace, even if a step fails. A helper process, as mount and user namespaces need, would have no advantage.
// Errors: ErrnoStatus, naming the path and the step; ResourceExhausted if no thread can be started. After an error
//   nothing is left behind.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace crisp {

// Makes a network namespace and pins it by a bind mount of nsfs (namespaces(7)) on a new file `path`; makes the
// directory if it is missing. An error if `path` exists: it may pin another namespace.
absl::Status CreateNetns(const std::string& path);

// Unpins the namespace and removes the file, also a file on which nothing is mounted: the daemon may have been killed
// between the two steps of CreateNetns. OK if the file does not exist. An error if anything but a network namespace is
// mounted there.
absl::Status RemoveNetns(const std::string& path);

// True if `path` pins a namespace; false if it does not exist or is anything else.
bool IsNetns(const std::string& path);

// Runs `work` on a thread inside the namespace that `path` pins, and returns its result.
absl::Status RunInNetns(const std::string& path, absl::FunctionRef<absl::Status()> work);

}  // namespace crisp
