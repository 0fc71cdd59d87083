// Known ways out of a container, by the version that an OCI runtime says it has. Only runc's are known here: by it the
// world's containers are made, and its faults are theirs.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/call.h"

namespace crisp {

struct OutdatedRuntime {
  std::string version;  // "1.1.5+ds1", as it was said
  std::string holes;    // the CVEs that it has
};

// Judges what `--version` printed ("runc version 1.1.5+ds1", and more lines). Nothing for another program, and for a
// version that cannot be read: what is not known to be bad is not called so.
std::optional<OutdatedRuntime> JudgeRuntimeVersion(absl::string_view text);

// Asks `binary`, the runtime of `handler`, and says it in one warning if it is outdated. A program that does not answer
// is not this function's matter (AskRuntimeFeatures has it).
void WarnOfOutdatedRuntime(const std::string& handler, const std::string& binary, const Call& call);

}  // namespace crisp
