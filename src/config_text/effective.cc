#include "config_text/effective.h"

#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/url.h"

namespace crisp {
namespace {

using Names = std::vector<std::string>;
using Slot = std::pair<absl::string_view, Names>;  // Key::path and the names for its stars

constexpr absl::string_view kAuths = "cri/registry/auths/";
constexpr absl::string_view kNoPrometheus = "plugins/io.containerd.monitor.task.v1.cgroups/no_prometheus";
constexpr absl::string_view kOlderNoPrometheus = "plugins/io.containerd.monitor.v1.cgroups/no_prometheus";

FileValue Text(const std::string& text) {
  FileValue value;
  value.text = value.canonical = text;
  return value;
}

FileValue Number(int64_t number) {
  FileValue value;
  value.number = number;
  value.real = static_cast<double>(number);  // as ReadValue has it
  value.canonical = absl::StrCat(number);
  return value;
}

FileValue Flag(bool flag) {
  FileValue value;
  value.flag = flag;
  value.canonical = flag ? "true" : "false";
  return value;
}

// In the fewest digits that mean the same number.
FileValue Real(double real) {
  std::array<char, 32> digits;
  FileValue value;
  value.real = real;
  value.canonical = std::string(digits.data(), std::to_chars(digits.begin(), digits.end(), real).ptr);
  return value;
}

FileValue List(const std::vector<std::string>& list) {
  FileValue value;
  value.list = list;
  return value;
}

FileValue Time(std::chrono::nanoseconds duration) {
  return Text(absl::FormatDuration(absl::FromChrono(duration)));
}

std::string NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

std::string NameOf(IpPreference preference) {
  switch (preference) {
    case IpPreference::kIpv4:
      return "ipv4";
    case IpPreference::kIpv6:
      return "ipv6";
    case IpPreference::kFirst:
      return "cni";
  }
  return "";
}

bool IsEmpty(const FileValue& value) {
  return value.canonical.empty();
}

// The slot in EffectiveValues of what `finding` sets: older spellings count as the later ones.
Slot SlotOf(const KeyFinding& finding) {
  const absl::string_view path = finding.key->path;
  Names names = finding.names;
  if (path == "cri/cni/bin_dir") return {"cri/cni/bin_dirs", names};
  if (path == kOlderNoPrometheus) return {kNoPrometheus, names};
  if (path == "cri/registry/mirrors/*/endpoint") absl::AsciiStrToLower(&names[0]);
  return {path, names};
}

// The last finding of each slot.
std::map<Slot, const KeyFinding*> LastFindings(absl::Span<const KeyFinding> findings) {
  std::map<Slot, const KeyFinding*> last;
  for (const KeyFinding& finding : findings) {
    if (finding.key == nullptr || finding.verdict != KeyVerdict::kHonoured) continue;
    const Slot slot = SlotOf(finding);
    const bool is_older_name = slot.first != finding.key->path;
    if ((is_older_name || slot.first == "cri/cni/bin_dirs") && IsEmpty(finding.value)) continue;
    last[slot] = &finding;
  }
  return last;
}

// registry.auths, which counts before registry.configs, by the host of its URL.
void AddLegacyAuth(absl::Span<const KeyFinding> findings, std::map<Slot, const KeyFinding*>* last,
                   std::map<std::string, std::string>* paths) {
  for (const KeyFinding& finding : findings) {
    if (finding.key == nullptr || finding.verdict != KeyVerdict::kHonoured) continue;
    absl::string_view field = finding.key->path;
    if (!absl::ConsumePrefix(&field, kAuths)) continue;
    const absl::StatusOr<Url> url = ParseUrl(finding.names[0]);
    if (!url.ok()) continue;
    const std::string& path =
        paths->emplace(field, absl::StrCat("cri/registry/configs/", absl::StrReplaceAll(field, {{"*/", "*/auth/"}})))
            .first->second;
    (*last)[{path, {url->host}}] = &finding;
  }
}

// Lists the values of a configuration, section by section.
class Lister {
 public:
  Lister(const Config& config, absl::Span<const KeyFinding> findings) : config_(config), last_(LastFindings(findings)) {
    AddLegacyAuth(findings, &last_, &legacy_paths_);
    for (const Key& key : Keys()) keys_[key.path] = &key;
  }

  std::vector<EffectiveValue> List() {
    AddDaemon();
    AddPods();
    AddNetwork();
    AddStreams();
    AddRuntimes();
    AddImages();
    AddRegistries();
    AddTracing();
    AddCrisp();
    return std::move(values_);
  }

 private:
  void Add(absl::string_view path, FileValue value, Names names = {}) {
    EffectiveValue effective = {keys_.at(path), std::move(names), std::move(value), std::nullopt};
    const auto found = last_.find({path, effective.names});
    if (found != last_.end()) {
      const KeyFinding& finding = *found->second;
      effective.origin = Origin{finding.file, finding.line, SaidOtherwise(finding, effective)};
    }
    values_.push_back(std::move(effective));
  }

  // What is looked at while the file is read, and not kept.
  void AddAsRead(absl::string_view path, FileValue otherwise, Names names = {}) {
    const auto found = last_.find({path, names});
    Add(path, found == last_.end() ? std::move(otherwise) : found->second->value, std::move(names));
  }

  static std::string SaidOtherwise(const KeyFinding& finding, const EffectiveValue& effective) {
    const FileValue& a = finding.value;
    const FileValue& b = effective.value;
    const bool same_path = finding.key == effective.key;
    const bool same_text = a.text == b.text || (finding.key->type == ValueType::kDuration &&
                                                a.canonical == CanonicalDefault(ValueType::kDuration, b.text));
    const bool same =
        same_path && same_text && a.number == b.number && a.real == b.real && a.flag == b.flag && a.list == b.list;
    return same || finding.key->secret ? "" : a.shown;
  }

  void AddDaemon() {
    Add("root", Text(config_.root));
    Add("state", Text(config_.state));
    Add("oom_score", Number(config_.oom_score));
    AddAsRead("required_plugins", no_plugins_);
    Add("grpc/address", Text(config_.grpc.address));
    Add("grpc/uid", Number(config_.grpc.uid));
    Add("grpc/gid", Number(config_.grpc.gid));
    Add("grpc/max_recv_message_size", Number(config_.grpc.max_recv_message_size));
    Add("grpc/max_send_message_size", Number(config_.grpc.max_send_message_size));
    Add("debug/level", Text(NameOf(config_.log_level)));
    Add("debug/format", Text(config_.log_format == LogFormat::kJson ? "json" : "text"));
    Add("debug/log_trace_id", Flag(config_.log_trace_id));
    Add("debug/address", Text(config_.debug.address));
    Add("debug/uid", Number(config_.debug.uid));
    Add("debug/gid", Number(config_.debug.gid));
    Add("metrics/address", Text(config_.metrics.address));
    Add("metrics/grpc_histogram", Flag(config_.metrics.grpc_histogram));
    Add(kNoPrometheus, Flag(config_.metrics.no_prometheus));
  }

  void AddPods() {
    const SecurityConfig& security = config_.security;
    Add("cri/restrict_oom_score_adj", Flag(config_.restrict_oom_score_adj));
    Add("cri/netns_mounts_under_state_dir", Flag(config_.netns_mounts_under_state_dir));
    Add("cri/max_container_log_line_size", Number(config_.max_container_log_line_size));
    Add("cri/unset_seccomp_profile", Text(security.unset_seccomp_profile));
    Add("cri/disable_apparmor", Flag(security.disable_apparmor));
    Add("cri/enable_selinux", Flag(security.enable_selinux));
    Add("cri/selinux_category_range", Number(security.selinux_category_range));
    Add("cri/enable_cdi", Flag(security.enable_cdi));
    Add("cri/cdi_spec_dirs", crisp::List(security.cdi_spec_dirs));
    Add("cri/disable_proc_mount", Flag(security.disable_proc_mount));
    Add("cri/disable_hugetlb_controller", Flag(security.disable_hugetlb_controller));
    Add("cri/tolerate_missing_hugetlb_controller", Flag(security.tolerate_missing_hugetlb_controller));
    Add("cri/ignore_image_defined_volumes", Flag(security.ignore_image_defined_volumes));
    Add("cri/device_ownership_from_security_context", Flag(security.device_ownership_from_security_context));
    Add("cri/enable_unprivileged_ports", Flag(security.enable_unprivileged_ports));
    Add("cri/enable_unprivileged_icmp", Flag(security.enable_unprivileged_icmp));
  }

  void AddNetwork() {
    Add("cri/cni/bin_dirs", crisp::List(config_.cni.bin_dirs));
    Add("cri/cni/conf_dir", Text(config_.cni.conf_dir));
    Add("cri/cni/max_conf_num", Number(config_.cni.max_conf_num));
    Add("cri/cni/ip_pref", Text(NameOf(config_.cni.ip_preference)));
    Add("cri/cni/conf_template", Text(config_.cni.conf_template));
  }

  void AddStreams() {
    const StreamConfig& stream = config_.stream;
    Add("cri/stream_server_address", Text(stream.address));
    Add("cri/stream_server_port", Text(stream.port));
    Add("cri/stream_idle_timeout", Time(stream.idle_timeout));
    Add("cri/enable_tls_streaming", Flag(stream.tls));
    Add("cri/x509_key_pair_streaming/tls_cert_file", Text(stream.certificate_file));
    Add("cri/x509_key_pair_streaming/tls_key_file", Text(stream.key_file));
  }

  void AddRuntimes() {
    Add("cri/containerd/default_runtime_name", Text(config_.default_runtime_name));
    for (const auto& [name, handler] : config_.runtimes) AddRuntime(name, handler);
  }

  void AddRuntime(const std::string& name, const RuntimeHandlerConfig& handler) {
    const std::string at = "cri/containerd/runtimes/*/";
    AddAsRead(at + "runtime_type", Text("io.containerd.runc.v2"), {name});
    AddAsRead(at + "runtime_path", Text(""), {name});
    AddAsRead(at + "snapshotter", Text(""), {name});
    AddIfRead("images/runtime_platforms/*/snapshotter", {name});
    AddAsRead(at + "sandboxer", Text("podsandbox"), {name});
    AddIfRead(at + "sandbox_mode", {name});
    Add(at + "base_runtime_spec", Text(handler.base_runtime_spec), {name});
    Add(at + "cni_conf_dir", Text(handler.cni_conf_dir), {name});
    Add(at + "cni_max_conf_num", Number(handler.cni_max_conf_num), {name});
    Add(at + "container_annotations", crisp::List(handler.container_annotations), {name});
    Add(at + "pod_annotations", crisp::List(handler.pod_annotations), {name});
    Add(at + "privileged_without_host_devices", Flag(handler.privileged_without_host_devices), {name});
    Add(at + "privileged_without_host_devices_all_devices_allowed",
        Flag(handler.privileged_without_host_devices_all_devices_allowed), {name});
    Add(at + "cgroup_writable", Flag(handler.cgroup_writable), {name});
    Add(at + "options/BinaryName", Text(handler.binary_name), {name});
    Add(at + "options/Root", Text(handler.root), {name});
    Add(at + "options/SystemdCgroup", Flag(handler.systemd_cgroup), {name});
    Add(at + "options/NoPivotRoot", Flag(handler.no_pivot_root), {name});
    Add(at + "options/NoNewKeyring", Flag(handler.no_new_keyring), {name});
  }

  void AddIfRead(const std::string& path, Names names) {
    if (last_.count({path, names}) != 0) AddAsRead(path, {}, std::move(names));
  }

  void AddImages() {
    Add("cri/sandbox_image", Text(config_.sandbox_image));
    Add("cri/max_concurrent_downloads", Number(config_.max_concurrent_downloads));
    Add("cri/image_pull_progress_timeout", Time(config_.image_pull_progress_timeout));
  }

  void AddRegistries() {
    const RegistryConfig& registry = config_.registry;
    const std::string at = "cri/registry/";
    Add(at + "config_path", Text(registry.config_path));
    for (const auto& [host, endpoints] : registry.mirrors) {
      Add(at + "mirrors/*/endpoint", crisp::List(endpoints), {host});
    }
    for (const auto& [host, auth] : registry.auth) {
      AddUnlessEmpty(at + "configs/*/auth/username", auth.username, host);
      AddUnlessEmpty(at + "configs/*/auth/password", auth.password, host);
      AddUnlessEmpty(at + "configs/*/auth/auth", auth.auth, host);
      AddUnlessEmpty(at + "configs/*/auth/identitytoken", auth.identity_token, host);
    }
    for (const auto& [host, tls] : registry.tls) {
      Add(at + "configs/*/tls/insecure_skip_verify", Flag(tls.insecure_skip_verify), {host});
      Add(at + "configs/*/tls/ca_file", Text(tls.ca_file), {host});
      Add(at + "configs/*/tls/cert_file", Text(tls.cert_file), {host});
      Add(at + "configs/*/tls/key_file", Text(tls.key_file), {host});
    }
    std::map<std::string, std::vector<std::string>> headers;
    for (const auto& [name, value] : registry.headers) headers[name].push_back(value);
    for (const auto& [name, values] : headers) Add(at + "headers/*", crisp::List(values), {name});
  }

  void AddUnlessEmpty(const std::string& path, const std::string& text, const std::string& host) {
    if (!text.empty()) Add(path, Text(text), {host});
  }

  void AddTracing() {
    const TracingConfig& tracing = config_.tracing;
    Add("plugins/io.containerd.tracing.processor.v1.otlp/endpoint", Text(tracing.endpoint));
    Add("plugins/io.containerd.tracing.processor.v1.otlp/protocol", Text(tracing.protocol));
    Add("plugins/io.containerd.internal.v1.tracing/service_name", Text(tracing.service_name));
    Add("plugins/io.containerd.internal.v1.tracing/sampling_ratio", Real(tracing.sampling_ratio));
  }

  void AddCrisp() {
    const CrispConfig& crisp = config_.crisp;
    Add("crisp/preload_dir", Text(crisp.preload_dir));
    Add("crisp/pin_preloaded", Flag(crisp.pin_preloaded));
    Add("crisp/keep_unused_layers", Time(crisp.keep_unused_layers));
    Add("crisp/shim", Text(crisp.shim));
    Add("crisp/containerd_address", Text(crisp.containerd_address));
    Add("crisp/log_wait", Time(crisp.log_wait));
    Add("crisp/native_exec", Flag(crisp.native_exec));
    Add("crisp/credentials_for_mirrors", Flag(crisp.credentials_for_mirrors));
  }

  const Config& config_;
  std::map<std::string, std::string> legacy_paths_;  // what string views in last_ refer to
  std::map<Slot, const KeyFinding*> last_;
  std::map<absl::string_view, const Key*> keys_;
  const FileValue no_plugins_;
  std::vector<EffectiveValue> values_;
};

}  // namespace

std::vector<EffectiveValue> EffectiveValues(const Config& config, absl::Span<const KeyFinding> findings) {
  return Lister(config, findings).List();
}

}  // namespace crisp
