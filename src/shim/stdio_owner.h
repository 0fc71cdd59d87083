// StdioOwner: whom the container's ends of its pipes belong to. A process that opens /dev/stdout, which leads to
// /proc/self/fd/1, opens its pipe anew and must be allowed to. The OCI runtime gives the pipes to the process's user,
// but only if their owner is mapped into the process's user namespace.
#pragma once

#include <sys/types.h>

namespace crisp::shim {

// Ids of the shim's own user namespace: those that the container's root is mapped to.
struct StdioOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Gives each descriptor that is a pipe to `owner`. Leaves invalid ones and those of files and devices alone. 0 or an
// errno value.
int GivePipes(const int (&stdio)[3], const StdioOwner& owner);

}  // namespace crisp::shim
