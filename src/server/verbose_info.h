// The JSON texts in the field `info` of verbose responses, which crictl shows.
#pragma once

#include <map>
#include <string>

namespace crisp {

struct Image;

// ImageStatus: the image's configuration.
std::string VerboseInfo(const Image& image);

// Status: facts about the daemon, by name.
std::string VerboseInfo(const std::map<std::string, std::string>& facts);

}  // namespace crisp
