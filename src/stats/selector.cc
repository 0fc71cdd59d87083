#include "stats/selector.h"

#include <algorithm>

namespace crisp {

bool HasLabels(const google::protobuf::Map<std::string, std::string>& labels,
               const google::protobuf::Map<std::string, std::string>& selector) {
  return std::all_of(selector.begin(), selector.end(), [&labels](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

}  // namespace crisp
