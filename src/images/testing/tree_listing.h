// A directory tree as text, for comparison: one line a file.
#pragma once

#include <map>
#include <string>

namespace crisp {

// By path relative to `root` ("" is the root itself): type, mode, owner, device, time, content, link target,
// attributes, and for a file with several names the first of them. Directories' times are left out unless
// `directory_times`.
std::map<std::string, std::string> ListTree(const std::string& root, bool directory_times = false);

}  // namespace crisp
