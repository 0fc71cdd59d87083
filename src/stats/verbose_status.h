// The additional text of verbose statuses, info["info"], in the form that containerd gives it: what `crictl inspect`
// and `crictl inspectp` show, and what people's jq scripts read. crisp's own members are netns, cgroupsPath and
// runtime. Reads files of the bundle, and copies of records.
#pragma once

#include <string>

#include "store/layout.h"

namespace crisp {

class Pod;
struct PodContainer;

std::string VerboseInfo(const Layout& layout, const Pod& pod);
std::string VerboseInfo(const Layout& layout, const PodContainer& found);

}  // namespace crisp
