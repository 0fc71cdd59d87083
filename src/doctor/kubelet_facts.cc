#include "doctor/kubelet_facts.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/call_context.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "base/url.h"
#include "images/http.h"
#include "images/image_counters.h"
#include "images/tls_store.h"
#include "runtime/yaml.h"

namespace crisp {
namespace {

constexpr char kUsualFile[] = "/var/lib/kubelet/config.yaml";
// What kubeadm and Debian's package give the kubelet's unit: lines NAME="--flag=value …".
constexpr const char* kFlagFiles[] = {"/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet",
                                      "/etc/sysconfig/kubelet"};
constexpr size_t kConfigzLimit = 1 << 20;

std::vector<std::string> FlagsOfFiles(const HostTree& tree) {
  std::vector<std::string> flags;
  for (const char* file : kFlagFiles) {
    for (absl::string_view line : absl::StrSplit(tree.Read(file).value_or(""), '\n')) {
      const size_t equals = line.find('=');
      if (equals == absl::string_view::npos || absl::StartsWith(line, "#")) continue;
      const std::string words = absl::StrReplaceAll(line.substr(equals + 1), {{"\"", ""}, {"'", ""}});
      for (absl::string_view word : absl::StrSplit(words, ' ', absl::SkipEmpty())) flags.emplace_back(word);
    }
  }
  return flags;
}

std::optional<NodeProcess> KubeletOf(const HostTree& tree) {
  for (NodeProcess& process : ProcessesOf(tree)) {
    if (process.command == "kubelet") return std::move(process);
  }
  return std::nullopt;
}

// A scalar at the top of the configuration, as text.
std::optional<std::string> Scalar(const Json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_boolean()) return found->get<bool>() ? "true" : "false";
  return std::nullopt;
}

void Take(const Json& document, const std::string& source, KubeletFacts* facts) {
  const auto take = [&](const char* key, KubeletSetting* setting) {
    if (const auto value = Scalar(document, key); value.has_value() && !value->empty()) *setting = {*value, source};
  };
  take("containerRuntimeEndpoint", &facts->endpoint);
  take("cgroupDriver", &facts->cgroup_driver);
  take("failSwapOn", &facts->fail_swap_on);
  take("failCgroupV1", &facts->fail_cgroup_v1);
}

void TakeFlags(const std::vector<std::string>& flags, KubeletFacts* facts) {
  const auto take = [&](const char* flag, KubeletSetting* setting) {
    if (const std::string value = FlagAmong(flags, flag); !value.empty()) *setting = {value, absl::StrCat("--", flag)};
  };
  take("container-runtime-endpoint", &facts->endpoint);
  take("cgroup-driver", &facts->cgroup_driver);
  take("containerd", &facts->containerd);
  take("fail-swap-on", &facts->fail_swap_on);
}

void TakeFile(const HostTree& tree, const std::string& file, KubeletFacts* facts) {
  const absl::StatusOr<std::string> text = tree.Read(file);
  const absl::StatusOr<Json> document = text.ok() ? ParseYamlObject(*text) : absl::StatusOr<Json>(text.status());
  if (document.ok()) return Take(*document, file, facts);
  facts->faults.push_back(absl::StrCat(text.ok() ? file + ": " : "", document.status().message()));
}

void TakeFiles(const Subject& subject, const std::vector<std::string>& flags, KubeletFacts* facts) {
  const HostTree& tree = subject.tree;
  std::string file = subject.options.kubelet_config;
  if (file.empty()) file = FlagAmong(flags, "config");
  if (file.empty() && tree.Has(kUsualFile)) file = kUsualFile;
  if (!file.empty()) {
    facts->config_file = file;
    TakeFile(tree, file, facts);
  }
  const std::string directory = FlagAmong(flags, "config-dir");
  if (directory.empty()) return;
  for (const std::string& name : tree.List(directory)) {
    if (absl::EndsWith(name, ".conf")) TakeFile(tree, absl::StrCat(directory, "/", name), facts);
  }
}

absl::StatusOr<Json> AskConfigz(const std::string& url, const CallContext& call) {
  HttpRequest request;
  ASSIGN_OR_RETURN(request.url, ParseUrl(absl::StrCat(absl::StripSuffix(url, "/"), "/configz")));
  request.body_limit = kConfigzLimit;
  TlsStore tls;
  ImageCounters counters;  // nobody reads them
  HttpClient client(HttpTimes(), &tls, &counters);
  ASSIGN_OR_RETURN(const HttpResponse response, client.Do(request, call));
  if (response.status != 200) return absl::InternalError(absl::StrCat("HTTP status ", response.status));
  ASSIGN_OR_RETURN(Json document, ParseJsonObject(response.body));
  const auto config = document.find("kubeletconfig");
  if (config == document.end() || !config->is_object()) return absl::InternalError("has no \"kubeletconfig\"");
  Json found = *config;
  return found;
}

}  // namespace

KubeletFacts ReadKubeletFacts(const Subject& subject, const CallContext& call) {
  KubeletFacts facts;
  facts.endpoint.value = "unix:///run/containerd/containerd.sock";
  facts.cgroup_driver.value = "cgroupfs";
  facts.fail_swap_on.value = "true";
  const std::optional<NodeProcess> kubelet = KubeletOf(subject.tree);
  facts.running = kubelet.has_value();
  const std::vector<std::string> flags = facts.running ? kubelet->args : FlagsOfFiles(subject.tree);
  if (subject.options.kubelet_url.empty()) {
    TakeFiles(subject, flags, &facts);
  } else {
    const std::string source = absl::StrCat(WithoutUserInfo(subject.options.kubelet_url), "/configz");
    const absl::StatusOr<Json> config = AskConfigz(subject.options.kubelet_url, call);
    if (config.ok()) {
      facts.config_file = source;
      Take(*config, source, &facts);
    } else {
      facts.faults.push_back(absl::StrCat(source, ": ", config.status().message()));
    }
  }
  TakeFlags(flags, &facts);
  return facts;
}

std::string SocketPathOf(const HostTree& tree, const std::string& endpoint) {
  absl::string_view path = endpoint;
  absl::ConsumePrefix(&path, "unix://");
  if (!absl::StartsWith(path, "/")) return "";
  std::error_code error;
  const std::string root = tree.At("");
  std::string resolved = std::filesystem::weakly_canonical(tree.At(path), error).string();
  if (error) return std::string(path);
  return absl::StartsWith(resolved, root) ? resolved.substr(root.size()) : resolved;
}

}  // namespace crisp
