// Residue: directory trees that cannot be removed, because of a damaged file system or of a file that the kernel does
// not give up. They must not keep a pod or an image on the node, so they are moved out of the way and removed later.
//
// Plain functions, callable from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "store/layout.h"

namespace crisp {

// Removes the tree at `path`, which is below `root` or `state` of the layout. What cannot be removed is moved to the
// residue directory of the same file system, or stays in its place where that fails too (a read-only file system); an
// error in the log names the place and the reason. An error only where a file system is still mounted below `path`:
// this must be unmounted first.
absl::Status RemoveOrSetAside(const Layout& layout, const std::string& path);

// Removes what was set aside, as far as it can be removed now. What stays is logged at the level debug only.
void SweepResidue(const Layout& layout);

}  // namespace crisp
