// Paths as text, without a look at the file system.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

// `path` without "." and "..", and without doubled and trailing slashes. ".." removes the component before it, whether
// or not that is a symbolic link: use this only for paths that are resolved in another root later. A relative path
// stays relative and may begin with ".."; the empty path stays empty.
std::string LexicallyNormalPath(absl::string_view path);

}  // namespace crisp
