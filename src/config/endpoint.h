// Endpoints of mirrors.
#pragma once

#include <string>

#include "base/url.h"

namespace crisp {

// Whether registries answer below the URL's path: it has the "v2" of their API in it, or there is none, and then /v2 is
// meant. Any other path is used as it is, as by containerd.
bool HasApiRoot(const Url& url);

// `endpoint` with "/v2" before its path where that lacks it; unchanged otherwise, and if it is no URL.
std::string WithApiRoot(const std::string& endpoint);

}  // namespace crisp
