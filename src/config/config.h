// The configuration of crispd: a containerd configuration file, version 1 to 4, as a typed struct.
//
// A file written for containerd is read as it is. What crisp does with each of its keys stands in keys.cc: every key is
// honoured, or named in a warning, or refused with a text that says what to do instead; none is silently wrong. crisp's
// own keys are in the table [crisp], which containerd ignores.
//
// Plain values without threads or files behind them: free to copy. Secrets (passwords, tokens) are in `registry` only,
// and never in a warning or an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"

namespace crisp {

// In the comments below, "cri" stands for plugins."io.containerd.grpc.v1.cri", the place in version 2 files.

// [grpc]: the socket that the kubelet calls.
struct GrpcConfig {
  std::string address = "/run/crisp/crisp.sock";  // address: absolute path of a Unix socket, at most 107 bytes
  uint32_t uid = 0;                               // uid: owner of the socket
  uint32_t gid = 0;                               // gid: group of the socket
  int max_recv_message_size = 16 * 1024 * 1024;   // max_recv_message_size: bytes; 0 in the file means this default
  int max_send_message_size = 16 * 1024 * 1024;   // max_send_message_size: likewise
  bool operator==(const GrpcConfig&) const = default;
};

// metrics: what crispd counts, for Prometheus.
struct MetricsConfig {
  std::string address;          // address: "127.0.0.1:1338" or "unix:///path"; empty: not served
  bool grpc_histogram = false;  // grpc_histogram: also how long RPCs take
  // no_prometheus of plugins."io.containerd.monitor.v1.cgroups", since containerd 2.0
  // "io.containerd.monitor.task.v1.cgroups": without the series of pods and containers
  bool no_prometheus = false;
  bool operator==(const MetricsConfig&) const = default;
};

// debug: the socket that shows what crispd is doing and what it has of each pod.
struct DebugConfig {
  std::string address;  // address: absolute path of a Unix socket; empty: none
  uint32_t uid = 0;     // uid: owner of the socket
  uint32_t gid = 0;     // gid: group of the socket
  bool operator==(const DebugConfig&) const = default;
};

enum class IpPreference {
  kIpv4,   // "ipv4" or "": the first IPv4 address, if there is one
  kIpv6,   // "ipv6": the first IPv6 address, if there is one
  kFirst,  // "cni": the first that the plugins give
};

// cri.cni: the pod network.
struct CniSettings {
  // bin_dir, or bin_dirs for several: absolute directories with the plugins, searched in order.
  std::vector<std::string> bin_dirs = {"/opt/cni/bin"};
  std::string conf_dir = "/etc/cni/net.d";  // conf_dir: absolute directory with network configurations
  int max_conf_num = 1;                     // max_conf_num: how many of them, first by name, a pod gets; 0: all
  IpPreference ip_preference = IpPreference::kIpv4;  // ip_pref: which of a pod's addresses the kubelet is told first
  // conf_template: absolute path of a template, from which a network configuration is written where conf_dir has none.
  // Empty: none.
  std::string conf_template;
  bool operator==(const CniSettings&) const = default;
};

// cri.containerd.runtimes.NAME: an OCI runtime under the name by which a RuntimeClass chooses it: a program with runc's
// command line.
struct RuntimeHandlerConfig {
  std::string binary_name;      // options.BinaryName: name (looked for in PATH) or absolute path; empty: runc
  std::string root;             // options.Root: where the program keeps its state; empty: its default
  bool systemd_cgroup = false;  // options.SystemdCgroup: systemd makes the cgroups (else: the program itself)
  bool no_pivot_root = false;   // options.NoPivotRoot: MS_MOVE in place of pivot_root(2), for a root on a ramfs
  bool no_new_keyring = false;  // options.NoNewKeyring: containers stay in the session keyring of the daemon
  // privileged_without_host_devices: a privileged container gets the standard devices only, and may use no others,
  bool privileged_without_host_devices = false;
  // unless this: it may use whatever node it makes.
  bool privileged_without_host_devices_all_devices_allowed = false;
  bool cgroup_writable = false;  // cgroup_writable: containers may write to their own cgroups (v2)
  // container_annotations, pod_annotations: which annotations of a container, and of its pod, the runtime gets; names,
  // with "*" and "?" for what is not "/". Some runtimes take some for orders.
  std::vector<std::string> container_annotations;
  std::vector<std::string> pod_annotations;
  std::string cni_conf_dir;  // cni_conf_dir: absolute; its pods' networks are there, if set, and not in cni.conf_dir,
  int cni_max_conf_num = 0;  // cni_max_conf_num: and as many of them as this; 0: as cni.max_conf_num
  // base_runtime_spec: absolute path of an OCI spec whose rlimits and hooks all containers get (runtime/base_spec.h).
  // Empty: none.
  std::string base_runtime_spec;
  // Why crisp can run no pod on it: runtime_type or runtime_path means another shim than runc's, snapshotter is not
  // overlayfs, or sandboxer not podsandbox. Empty: it can.
  std::string unusable;
  bool operator==(const RuntimeHandlerConfig&) const = default;
};

// cri: what confines containers, where they do not say it themselves.
struct SecurityConfig {
  // unset_seccomp_profile: for who asks for none: "", "unconfined", "runtime/default" or "localhost/" and a path.
  std::string unset_seccomp_profile;
  bool disable_apparmor = false;           // disable_apparmor: AppArmor is not used, even if the kernel has it
  bool enable_selinux = false;             // enable_selinux: containers get SELinux labels, if the kernel has it
  uint32_t selinux_category_range = 1024;  // selinux_category_range: pods' categories are below this
  bool enable_cdi = true;                  // enable_cdi: CDI devices may be asked for
  std::vector<std::string> cdi_spec_dirs = {"/etc/cdi", "/var/run/cdi"};  // cdi_spec_dirs: absolute; later ones win
  // disable_proc_mount: no container gets an unmasked /proc, but privileged ones; what is usual is masked in all
  // others.
  bool disable_proc_mount = false;
  // disable_hugetlb_controller: limits on huge pages are left out, with a warning.
  bool disable_hugetlb_controller = true;
  // tolerate_missing_hugetlb_controller: likewise where the kernel has no such controller; else they are an error.
  bool tolerate_missing_hugetlb_controller = true;
  bool ignore_image_defined_volumes = false;  // ignore_image_defined_volumes: VOLUMEs of images are not made
  // device_ownership_from_security_context: devices belong to the container's user.
  bool device_ownership_from_security_context = false;
  // Both are false for a version 2 file that does not say it, as in containerd 1.x.
  bool enable_unprivileged_ports = true;  // enable_unprivileged_ports: ports below 1024 for every user of a pod
  bool enable_unprivileged_icmp = true;   // enable_unprivileged_icmp: ping for every user of a pod
  bool operator==(const SecurityConfig&) const = default;
};

// Secrets: never print.
struct RegistryAuthConfig {
  std::string username;        // username
  std::string password;        // password
  std::string auth;            // auth: base64 of "username:password", in place of the two
  std::string identity_token;  // identitytoken: OAuth 2 refresh token
  bool operator==(const RegistryAuthConfig&) const = default;
};

struct RegistryTlsConfig {
  bool insecure_skip_verify = false;  // insecure_skip_verify: take any certificate
  std::string ca_file;                // ca_file: certificates to trust, PEM; empty: the system's
  std::string cert_file;              // cert_file: our own certificate, PEM
  std::string key_file;               // key_file: its key, PEM
  bool operator==(const RegistryTlsConfig&) const = default;
};

// cri.registry. Hosts are "HOST" or "HOST:PORT", as in an image's name or an endpoint's URL.
struct RegistryConfig {
  // config_path: absolute directories of hosts.toml files, with ":" between (images/hosts_file.h), read at each pull.
  // Not together with `mirrors`: where there are those, it is empty.
  std::string config_path = "/etc/containerd/certs.d:/etc/docker/certs.d";
  // mirrors.HOST.endpoint: URLs to try in order before the registry itself, which comes last. "*" as HOST stands for
  // every registry without a list of its own. http or https, without a trailing slash; a path is used as it is, and
  // "/v2" where there is none.
  std::map<std::string, std::vector<std::string>> mirrors;
  // configs.HOST.auth, and the older auths."URL"; by host of the endpoint.
  std::map<std::string, RegistryAuthConfig> auth;
  // configs.HOST.tls; by host of the endpoint.
  std::map<std::string, RegistryTlsConfig> tls;
  // headers.NAME: sent with every request to a registry, one for each value.
  std::vector<std::pair<std::string, std::string>> headers;
  bool operator==(const RegistryConfig&) const = default;
};

// cri.stream_*: the server on which exec, attach and port-forward run.
struct StreamConfig {
  std::string address = "127.0.0.1";  // stream_server_address: IPv4 or IPv6; empty: 127.0.0.1
  std::string port = "0";             // stream_server_port: a number; 0: one that is free
  std::chrono::nanoseconds idle_timeout = std::chrono::hours(4);  // stream_idle_timeout: 0: never
  bool tls = false;                                               // enable_tls_streaming
  // x509_key_pair_streaming.tls_cert_file and .tls_key_file: absolute, PEM. Empty: a self-signed certificate.
  std::string certificate_file;
  std::string key_file;
  bool operator==(const StreamConfig&) const = default;
};

// plugins."io.containerd.tracing.processor.v1.otlp" and plugins."io.containerd.internal.v1.tracing": where traces are
// sent, and which. Variables of the environment count more (tracing/tracing_options.h).
struct TracingConfig {
  std::string endpoint;                 // endpoint: URL of a collector, "http://host:4318"; empty: none
  std::string protocol;                 // protocol: "http/protobuf", or empty for that
  std::string service_name = "crispd";  // service_name: under which the collector has them
  double sampling_ratio = 1;            // sampling_ratio: of the traces that crispd begins; 0 to 1
  bool operator==(const TracingConfig&) const = default;
};

// [crisp]: what containerd has no key for.
struct CrispConfig {
  // preload_dir: absolute directory of OCI image layouts (one a sub-directory) that are imported at start. Empty: none.
  // What cannot be imported is named in the log.
  std::string preload_dir;
  // pin_preloaded: images with a name from preload_dir are pinned, so that the kubelet does not remove them.
  bool pin_preloaded = false;
  // keep_unused_layers: how long layers of no image are kept that an earlier crispd left in the middle of a pull, or
  // whose database was lost. A pull may need them.
  std::chrono::nanoseconds keep_unused_layers = std::chrono::minutes(5);
  // shim: absolute path of crisp-shim. Empty: the one beside crispd's own program, else the one in PATH.
  std::string shim;
  // containerd_address: absolute path of a second socket with the same services, for programs that look for
  // containerd's, such as the kubelet's cAdvisor. Empty: none.
  std::string containerd_address;
  // log_wait: for how long a container waits for a log that cannot be written (its file system is full or read-only),
  // before its output is dropped and counted. 0: not at all.
  std::chrono::nanoseconds log_wait = std::chrono::seconds(5);
  // native_exec: commands in containers (exec, exec probes) are run by the shim itself, without the OCI runtime, where
  // that is runc and the shim can do all that the container's spec asks for.
  bool native_exec = true;
  // credentials_for_mirrors: the credentials of a pull are also shown to mirrors of its registry that ask for some and
  // have none configured, as by containerd.
  bool credentials_for_mirrors = false;
  bool operator==(const CrispConfig&) const = default;
};

struct Config {
  // root: what survives a reboot. state: what does not. Absolute, without a trailing slash, and always ending in
  // "/crisp": that is appended to what the file says (/var/lib/containerd becomes /var/lib/containerd/crisp), so that
  // crisp never touches what containerd keeps there.
  std::string root = "/var/lib/crisp";
  std::string state = "/run/crisp";
  LogLevel log_level = LogLevel::kInfo;     // debug.level: trace, debug, info, warn, error, fatal or panic; empty: info
  LogFormat log_format = LogFormat::kText;  // debug.format: text or json; empty: text
  bool log_trace_id = false;                // debug.log_trace_id: lines of RPCs name the trace that they are in
  int oom_score = 0;                        // oom_score: the daemon's own oom_score_adj; 0: as it was started
  GrpcConfig grpc;
  MetricsConfig metrics;
  DebugConfig debug;

  std::string sandbox_image = "registry.k8s.io/pause:3.6";  // cri.sandbox_image: the pause container's image
  // cri.restrict_oom_score_adj: a container's oom_score_adj is raised to the daemon's own, for a daemon that may not
  // lower it.
  bool restrict_oom_score_adj = false;
  // cri.netns_mounts_under_state_dir: network namespaces are pinned in <state>/netns rather than in /run/netns.
  bool netns_mounts_under_state_dir = false;
  int max_concurrent_downloads = 3;  // cri.max_concurrent_downloads: layers of one image at once; 0 or less: no limit
  // cri.image_pull_progress_timeout: a registry that sends nothing for so long is left; 0: never.
  std::chrono::nanoseconds image_pull_progress_timeout = std::chrono::minutes(5);
  // cri.max_container_log_line_size: bytes; a longer line of a container's log is split. 0 or less: no limit.
  int64_t max_container_log_line_size = 16384;

  SecurityConfig security;
  CniSettings cni;
  std::string default_runtime_name = "runc";  // cri.containerd.default_runtime_name: one of `runtimes`
  std::map<std::string, RuntimeHandlerConfig> runtimes = {{"runc", {}}};  // cri.containerd.runtimes, by NAME
  RegistryConfig registry;
  StreamConfig stream;
  TracingConfig tracing;
  CrispConfig crisp;
  bool operator==(const Config&) const = default;
};

}  // namespace crisp
