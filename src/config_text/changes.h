// What differs between two configurations, for people.
#pragma once

#include <string>
#include <vector>

#include "config/load_config.h"

namespace crisp {

struct Change {
  const Key* key;
  std::string name;    // as a file of the written version has it: grpc.address
  std::string before;  // as it stands in a file; empty: there was none, or it is a secret
  std::string after;
  std::string place;  // "FILE:LINE" of what counts now; empty: a default
};

// Key by key, in the order of EffectiveValues. Both configurations are OK.
std::vector<Change> ChangesBetween(const Reading& before, const Reading& after);

}  // namespace crisp
