#include "monitor/find_any_pod.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

bool HasName(const Pod& pod, const std::string& name) {
  bool has = false;
  pod.WithRecord([&](const PodRecord& record) {
    const cri::PodSandboxMetadata& metadata = record.config().metadata();
    has = name == absl::StrCat(metadata.namespace_(), "/", metadata.name());
  });
  return has;
}

int64_t CreatedAt(const PodPtr& pod) {
  int64_t at = 0;
  pod->WithRecord([&at](const PodRecord& record) { at = record.created_at(); });
  return at;
}

}  // namespace

absl::StatusOr<PodPtr> FindAnyPod(const PodTable& table, const std::string& name) {
  const bool is_name = absl::StrContains(name, '/');
  std::vector<PodPtr> found = table.All();
  std::erase_if(found, [&](const PodPtr& pod) {
    return name.empty() || (is_name ? !HasName(*pod, name) : !absl::StartsWith(pod->id(), name));
  });
  if (found.empty()) return absl::NotFoundError(absl::StrCat("no pod ", name));
  if (is_name) {
    return *std::max_element(found.begin(), found.end(),
                             [](const PodPtr& a, const PodPtr& b) { return CreatedAt(a) < CreatedAt(b); });
  }
  if (found.size() == 1 || found.front()->id() == name) return found.front();
  const std::string ids =
      absl::StrJoin(found, ", ", [](std::string* out, const PodPtr& pod) { absl::StrAppend(out, pod->id()); });
  return absl::InvalidArgumentError(absl::StrCat("several pods' ids begin with ", name, ": ", ids));
}

}  // namespace crisp
