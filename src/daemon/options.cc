#include "daemon/options.h"

#include <fcntl.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "config/config.h"
#include "daemon/programs.h"
#include "images/images.h"
#include "network/cni_options.h"
#include "os/file.h"
#include "runtime/base_spec.h"
#include "sandbox/sandbox_options.h"
#include "server/server_options.h"
#include "store/layout.h"
#include "streaming/stream_server.h"
#include "tracing/tracing_options.h"

namespace crisp {
namespace {

constexpr size_t kMaxBaseSpec = 1 << 20;  // bytes; usual ones have some thousand

SecurityOptions SecurityOptionsOf(const SecurityConfig& config) {
  SecurityOptions options;
  options.unset_seccomp_profile = config.unset_seccomp_profile;
  options.disable_apparmor = config.disable_apparmor;
  options.enable_selinux = config.enable_selinux;
  options.selinux_category_range = config.selinux_category_range;
  options.enable_cdi = config.enable_cdi;
  options.cdi_spec_dirs = config.cdi_spec_dirs;
  options.disable_hugetlb_controller = config.disable_hugetlb_controller;
  options.tolerate_missing_hugetlb_controller = config.tolerate_missing_hugetlb_controller;
  options.disable_proc_mount = config.disable_proc_mount;
  options.ignore_image_defined_volumes = config.ignore_image_defined_volumes;
  options.device_ownership_from_security_context = config.device_ownership_from_security_context;
  options.enable_unprivileged_ports = config.enable_unprivileged_ports;
  options.enable_unprivileged_icmp = config.enable_unprivileged_icmp;
  return options;
}

HandlerOptions HandlerOptionsOf(const RuntimeHandlerConfig& config) {
  HandlerOptions options;
  options.privileged_without_host_devices = config.privileged_without_host_devices;
  options.privileged_without_host_devices_all_devices_allowed =
      config.privileged_without_host_devices_all_devices_allowed;
  options.cgroup_writable = config.cgroup_writable;
  options.container_annotations = config.container_annotations;
  options.pod_annotations = config.pod_annotations;
  options.unusable = config.unusable;
  return options;
}

OciRuntime OciRuntimeOf(const RuntimeHandlerConfig& config, const std::string& program, const std::string& root) {
  OciRuntime runtime;
  runtime.binary = program;
  runtime.root = config.root.empty() ? root : config.root;
  runtime.systemd_cgroup = config.systemd_cgroup;
  runtime.no_pivot_root = config.no_pivot_root;
  runtime.no_new_keyring = config.no_new_keyring;
  return runtime;
}

absl::StatusOr<BaseSpec> ReadBaseSpec(const std::string& path) {
  if (path.empty()) return BaseSpec();
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, kMaxBaseSpec));
  return ParseBaseSpec(text);
}

// An error is what keeps new pods from the handler. One that is only not installed, with an absolute path, gets them as
// soon as it is.
absl::Status AddHandler(const std::string& name, const RuntimeHandlerConfig& config, const Layout& layout,
                        SandboxOptions* options) {
  HandlerOptions& handler = options->handlers[name] = HandlerOptionsOf(config);
  if (!handler.unusable.empty()) return absl::OkStatus();  // has been said when the file was read
  const std::string program = config.binary_name.empty() ? kDefaultRuntimeProgram : config.binary_name;
  const absl::StatusOr<std::string> found = FindProgram(program);
  options->runtimes[name] = OciRuntimeOf(config, found.value_or(program), layout.RuntimeRoot(name));
  absl::StatusOr<BaseSpec> base = ReadBaseSpec(config.base_runtime_spec);
  if (base.ok()) {
    handler.base = *std::move(base);
  } else {
    handler.unusable = absl::StrCat("base_runtime_spec ", config.base_runtime_spec, ": ", base.status().message());
    return absl::FailedPreconditionError(handler.unusable);
  }
  if (!found.ok() && program[0] != '/') handler.unusable = std::string(found.status().message());
  return found.status();
}

}  // namespace

absl::StatusOr<SandboxOptions> SandboxOptionsOf(const Config& config, const Layout& layout) {
  SandboxOptions options;
  for (const auto& [name, handler] : config.runtimes) {
    const absl::Status added = AddHandler(name, handler, layout, &options);
    if (added.ok()) continue;
    // Without the default one no pod runs. Without another the pods that ask for it do not, and say so.
    if (name == config.default_runtime_name) return Annotate(added, "runtime " + name);
    LogError("a runtime cannot be used", {{"runtime", name}, {"error", added.message()}});
  }
  options.default_runtime = config.default_runtime_name;
  options.sandbox_image = config.sandbox_image;
  ASSIGN_OR_RETURN(options.shim_program, FindShim(config.crisp.shim));
  options.log_line_limit = config.max_container_log_line_size;
  options.log_wait = config.crisp.log_wait;
  options.native_exec = config.crisp.native_exec;
  options.restrict_oom_score_adj = config.restrict_oom_score_adj;
  options.security = SecurityOptionsOf(config.security);
  return options;
}

CniOptions CniOptionsOf(const Config& config, const Layout& layout) {
  CniOptions options;
  options.bin_dirs = config.cni.bin_dirs;
  options.conf_dir = {config.cni.conf_dir, config.cni.max_conf_num};
  options.choice = config.cni.ip_preference == IpPreference::kIpv4   ? CniOptions::Choice::kIpv4
                   : config.cni.ip_preference == IpPreference::kIpv6 ? CniOptions::Choice::kIpv6
                                                                     : CniOptions::Choice::kFirst;
  options.conf_template = config.cni.conf_template;
  options.pod_cidrs_file = layout.PodCidrs();
  for (const auto& [name, handler] : config.runtimes) {
    if (handler.cni_conf_dir.empty()) continue;
    const int max = handler.cni_max_conf_num == 0 ? config.cni.max_conf_num : handler.cni_max_conf_num;
    options.handlers[name] = {handler.cni_conf_dir, max};
    if (name == config.default_runtime_name) options.handlers[""] = options.handlers[name];
  }
  return options;
}

ImagesOptions ImagesOptionsOf(const Config& config) {
  ImagesOptions options;
  options.registry.config_path = config.registry.config_path;
  options.registry.mirrors = config.registry.mirrors;
  options.registry.headers = config.registry.headers;
  options.registry.max_concurrent_downloads = config.max_concurrent_downloads;
  options.registry.credentials_for_mirrors = config.crisp.credentials_for_mirrors;
  options.registry.progress_timeout = std::chrono::ceil<std::chrono::milliseconds>(config.image_pull_progress_timeout);
  options.pinned_image = config.sandbox_image;
  options.pin_imported = config.crisp.pin_preloaded;
  options.keep_unused_layers = config.crisp.keep_unused_layers;
  for (const auto& [host, auth] : config.registry.auth) {
    options.registry.auth[host] = {auth.username, auth.password, auth.auth, auth.identity_token, "", host};
  }
  for (const auto& [host, tls] : config.registry.tls) {
    RegistryTls& to = options.registry.tls[host];
    to.insecure_skip_verify = tls.insecure_skip_verify;
    if (!tls.ca_file.empty()) to.ca_files = {tls.ca_file};
    if (!tls.cert_file.empty()) to.clients = {{tls.cert_file, tls.key_file}};
  }
  return options;
}

NodeReport NodeReportOf(const Config& config, const Layout& layout) {
  NodeReport report;
  const auto runtime = config.runtimes.find(config.default_runtime_name);
  report.systemd_cgroup = runtime != config.runtimes.end() && runtime->second.systemd_cgroup;
  report.facts = {{"rootDir", layout.root()},
                  {"stateDir", layout.state()},
                  {"sandboxImage", config.sandbox_image},
                  {"defaultRuntimeName", config.default_runtime_name},
                  {"cniConfDir", config.cni.conf_dir}};
  return report;
}

ServerOptions ServerOptionsOf(const Config& config, const Layout& layout) {
  ServerOptions options;
  options.address = config.grpc.address;
  options.containerd_address = config.crisp.containerd_address;
  options.uid = config.grpc.uid;
  options.gid = config.grpc.gid;
  options.max_receive_bytes = config.grpc.max_recv_message_size;
  options.max_send_bytes = config.grpc.max_send_message_size;
  options.report = NodeReportOf(config, layout);
  return options;
}

StreamServerOptions StreamServerOptionsOf(const Config& config) {
  StreamServerOptions options;
  options.address = config.stream.address;
  options.port = config.stream.port;
  options.idle_timeout = config.stream.idle_timeout;
  options.tls = config.stream.tls;
  options.certificate_file = config.stream.certificate_file;
  options.key_file = config.stream.key_file;
  return options;
}

absl::StatusOr<std::optional<TracingOptions>> TracingOptionsOf(const Config& config) {
  TracingSettings settings;
  settings.endpoint = config.tracing.endpoint;
  settings.protocol = config.tracing.protocol;
  settings.service_name = config.tracing.service_name;
  settings.sampling_ratio = config.tracing.sampling_ratio;
  return ResolveTracing(settings, [](const char* name) { return getenv(name); });
}

}  // namespace crisp
