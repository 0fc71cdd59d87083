// SELinux labels of files: the extended attribute "security.selinux".
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/call_context.h"

namespace crisp {

// Gives `label` to everything below `path`, then to `path` itself, so that whoever looks at it knows whether all is
// done. Whoever can write there may change the tree meanwhile: no link is followed, and no other mount is entered. What
// has the label already is not written to; what vanishes is passed over. A file system without labels, or mounted with
// one of its own (context=), is left as it is.
//
// Threading: any thread. Errors: ErrnoStatus, naming the path; Internal for what lies more than 1000 levels deep, which
// bounds the number of descriptors; that of `call` when it is over.
absl::Status RelabelTree(const std::string& path, const std::string& label, const CallContext& call);

}  // namespace crisp
