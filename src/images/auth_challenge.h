// Challenges of a 401: WWW-Authenticate (RFC 9110, section 11.6.1).
//
// A plain function, callable from any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace crisp {

// One challenge. Names are in lower case.
struct AuthChallenge {
  std::string scheme;
  std::map<std::string, std::string> params;
};

// The challenges in one header. A value without quotes goes up to the next comma or space: registries send URLs and
// scopes so, whose characters no token of HTTP has.
std::vector<AuthChallenge> ParseChallenges(absl::string_view header);

}  // namespace crisp
