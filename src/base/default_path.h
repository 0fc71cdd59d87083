// kDefaultPath: the PATH where nobody gives one. It is that of containers whose image sets none, of OCI runtimes, and
// of CNI plugins if crispd itself was started without a PATH.
#pragma once

namespace crisp {

inline constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace crisp
