#include "client/containers.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace crisp::client {
namespace {

std::string PodName(const cri::PodSandbox& pod) {
  return absl::StrCat(pod.metadata().namespace_(), "/", pod.metadata().name());
}

// `rank` of each: 0 does not fit, a lower one fits better. The index of the only best one.
absl::StatusOr<size_t> OnlyBest(const std::vector<int>& ranks, const std::vector<std::string>& names,
                                const std::string& kind, const std::string& name) {
  int best = 0;
  for (const int rank : ranks) {
    if (rank != 0 && (best == 0 || rank < best)) best = rank;
  }
  if (best == 0) {
    return absl::NotFoundError(
        absl::StrCat("there is no ", kind, " ", name, "; `crisp ", kind == "pod" ? "pods" : "ps -a -A", "` lists all"));
  }
  if (std::count(ranks.begin(), ranks.end(), best) == 1) {
    return static_cast<size_t>(std::find(ranks.begin(), ranks.end(), best) - ranks.begin());
  }
  std::vector<std::string> fitting;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] == best) fitting.push_back(names[i]);
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" fits several of kind ", kind, ": ",
                                                 absl::StrJoin(fitting, ", "), "; give more of the name"));
}

int Rank(const ContainerView& view, const std::string& name) {
  if (view.container.id() == name) return 1;
  if (view.Name() == name) return 2;
  if (name.size() >= 2 && absl::StartsWith(view.container.id(), name)) return 3;
  if (view.own()) return 0;
  if (view.container.metadata().name() == name) return 4;
  const std::string pod = PodName(view.pod);
  return view.pod.metadata().name() == name || pod == name ? 5 : 0;
}

int Rank(const cri::PodSandbox& pod, const std::string& name) {
  if (pod.id() == name) return 1;
  if (PodName(pod) == name) return 2;
  if (pod.metadata().name() == name) return 3;
  return name.size() >= 2 && absl::StartsWith(pod.id(), name) ? 4 : 0;
}

}  // namespace

std::string ContainerView::Name() const {
  const auto own_name = container.labels().find(kNameLabel);
  if (own_name != container.labels().end()) return own_name->second;
  return absl::StrCat(PodName(pod), "/", container.metadata().name());
}

std::string ContainerView::Note(const char* annotation) const {
  const auto found = container.annotations().find(annotation);
  return found == container.annotations().end() ? "" : found->second;
}

std::string ContainerView::ImageName() const {
  if (const std::string noted = Note(kImageNote); !noted.empty()) return noted;
  if (!container.image().user_specified_image().empty()) return container.image().user_specified_image();
  return container.image().image();
}

absl::StatusOr<std::vector<ContainerView>> ListContainers(RuntimeClient* runtime, bool running_only) {
  cri::ListContainersRequest request;
  if (running_only) request.mutable_filter()->mutable_state()->set_state(cri::CONTAINER_RUNNING);
  ASSIGN_OR_RETURN(const cri::ListContainersResponse containers, runtime->Call(request), "list containers");
  ASSIGN_OR_RETURN(const auto pods, runtime->Call(cri::ListPodSandboxRequest()), "list pods");
  std::map<std::string, const cri::PodSandbox*> by_id;
  for (const cri::PodSandbox& pod : pods.items()) by_id[pod.id()] = &pod;
  std::vector<ContainerView> views;
  for (const cri::Container& container : containers.containers()) {
    ContainerView& view = views.emplace_back();
    view.container = container;
    const auto pod = by_id.find(container.pod_sandbox_id());
    if (pod != by_id.end()) view.pod = *pod->second;
  }
  std::stable_sort(views.begin(), views.end(), [](const ContainerView& a, const ContainerView& b) {
    return a.container.created_at() > b.container.created_at();
  });
  return views;
}

absl::StatusOr<ContainerView> FindContainer(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(std::vector<ContainerView> views, ListContainers(runtime));
  std::vector<int> ranks;
  std::vector<std::string> names;
  for (const ContainerView& view : views) {
    ranks.push_back(Rank(view, name));
    names.push_back(absl::StrCat(view.Name(), " (", ShortId(view.container.id()), ")"));
  }
  ASSIGN_OR_RETURN(const size_t best, OnlyBest(ranks, names, "container", name));
  return std::move(views[best]);
}

absl::StatusOr<ContainerView> FindToChange(Session& session, const std::string& name) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(ContainerView view, FindContainer(runtime, name));
  if (view.own() || session.options().kubernetes) return view;
  return absl::FailedPreconditionError(
      absl::StrCat("container ", view.Name(),
                   " was not made by crisp run but, as it seems, by a kubelet, which would make it anew; ",
                   "change its pod by kubectl, or say --k8s if you mean it"));
}

absl::StatusOr<cri::PodSandbox> FindPod(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(const auto pods, runtime->Call(cri::ListPodSandboxRequest()), "list pods");
  std::vector<int> ranks;
  std::vector<std::string> names;
  for (const cri::PodSandbox& pod : pods.items()) {
    ranks.push_back(Rank(pod, name));
    names.push_back(absl::StrCat(PodName(pod), " (", ShortId(pod.id()), ")"));
  }
  ASSIGN_OR_RETURN(const size_t best, OnlyBest(ranks, names, "pod", name));
  return pods.items(static_cast<int>(best));
}

absl::StatusOr<cri::ContainerStatusResponse> StatusOf(RuntimeClient* runtime, const std::string& id, bool verbose) {
  cri::ContainerStatusRequest request;
  request.set_container_id(id);
  request.set_verbose(verbose);
  return runtime->Call(request);
}

nlohmann::ordered_json InfoOf(const google::protobuf::Map<std::string, std::string>& info) {
  const auto found = info.find("info");
  if (found == info.end()) return nullptr;
  nlohmann::ordered_json document = nlohmann::ordered_json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  return document.is_object() ? document : nlohmann::ordered_json(nullptr);
}

}  // namespace crisp::client
