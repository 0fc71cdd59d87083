// Every key of the configuration file and what crisp does with it: the one place that says so.
#include <sys/utsname.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "config/key.h"
#include "config/setters.h"

namespace crisp {
namespace {

using Auth = RegistryAuthConfig;
using Handler = RuntimeHandlerConfig;
using Tls = RegistryTlsConfig;

constexpr auto kHonoured = Policy::kHonoured;
constexpr auto kDefaultOnly = Policy::kDefaultOnly;
constexpr auto kMeaningless = Policy::kMeaningless;
constexpr auto kRefused = Policy::kRefused;

constexpr auto kText = ValueType::kText;
constexpr auto kInteger = ValueType::kInteger;
constexpr auto kFlag = ValueType::kFlag;
constexpr auto kReal = ValueType::kReal;
constexpr auto kList = ValueType::kList;
constexpr auto kDuration = ValueType::kDuration;
constexpr auto kPeriod = ValueType::kPeriod;
constexpr auto kAny = ValueType::kAny;
constexpr auto kTable = ValueType::kTable;

constexpr char kNoTcp[] = "crisp listens on a Unix socket only, since CRI has no authentication; remove this key";
constexpr char kNamedRuntime[] =
    "move the runtime to containerd.runtimes.NAME, and set default_runtime_name to NAME where it is the default";
constexpr char kOnlyOverlay[] = "crisp has no other than overlayfs; set it to \"overlayfs\" or remove this key";

constexpr char kTransfer[] =
    "it is about containerd's transfer service; what counts for pulls is the key of this name of the CRI's images";
constexpr char kNoVerifier[] =
    "crisp asks no image verifiers, so that it would pull what they forbid; keep containerd, or remove this key";
constexpr char kOwnDeadlines[] = "crisp has deadlines of its own for what it asks of its shims";
constexpr char kNoCollection[] = "crisp measures when it is asked for statistics, not by a timer";
constexpr char kPipesOfUser[] = "the pipes of a container's output belong to its own user already";
constexpr char kSchemeSaysTls[] = "traces are sent with TLS if the endpoint is https, and without if it is http";
constexpr char kNoNri[] = "crisp has no NRI: no plugin sees or changes a container";
constexpr char kNoNriPlugins[] =
    "crisp has no NRI, so that containers would run without what these plugins do; keep containerd, or remove this key";

// The argument of the decoders of encrypted layers that containerd ships with.
constexpr char kDecoderArgs[] = "--decryption-keys-path,/etc/containerd/ocicrypt/keys";
constexpr char kDecoderEnv[] = "OCICRYPT_KEYPROVIDER_CONFIG=/etc/containerd/ocicrypt/ocicrypt_keyprovider.conf";

// clang-format off
const Key kKeys[] = {
    // The daemon.
    {"version", kSame, kHonoured, kInteger, "2", "", Nothing, false, "3"},  // looked at before all others
    {"root", kSame, kHonoured, kText, "/var/lib/crisp", "", SetRoot},
    {"state", kSame, kHonoured, kText, "/run/crisp", "", SetState},
    {"temp", kSame, kMeaningless, kText, "", "crisp needs no directory for temporary files"},
    {"oom_score", kSame, kHonoured, kInteger, "0", "", SetOomScore},
    {"imports", kSame, kHonoured, kList, "", "", SetImports},
    {"plugin_dir", kSame, kRefused, kText, "", "crisp cannot load containerd's plugins; remove this key"},
    {"disabled_plugins", kSame, kMeaningless, kList, "", "", CheckDisabledPlugins},
    {"required_plugins", kSame, kHonoured, kList, "", "", CheckRequiredPlugins},
    {"cgroup/path", kSame, kDefaultOnly, kText, "", "crispd stays in the cgroup in which it is started; with systemd, Slice= in its unit says which"},
    {"debug/address", kSame, kHonoured, kText, "", "", SetPath<&Config::debug, &DebugConfig::address>},
    {"debug/uid", kSame, kHonoured, kInteger, "0", "", Set<&Config::debug, &DebugConfig::uid>},
    {"debug/gid", kSame, kHonoured, kInteger, "0", "", Set<&Config::debug, &DebugConfig::gid>},
    {"debug/level", kSame, kHonoured, kText, "", "", SetLogLevel},
    {"debug/format", kSame, kHonoured, kText, "", "", SetLogFormat},
    {"grpc/address", kSame, kHonoured, kText, "/run/crisp/crisp.sock", "", SetSocket},
    {"grpc/uid", kSame, kHonoured, kInteger, "0", "", Set<&Config::grpc, &GrpcConfig::uid>},
    {"grpc/gid", kSame, kHonoured, kInteger, "0", "", Set<&Config::grpc, &GrpcConfig::gid>},
    {"grpc/max_recv_message_size", kSame, kHonoured, kInteger, "16777216", "", SetMessageSize<&Config::grpc, &GrpcConfig::max_recv_message_size>},
    {"grpc/max_send_message_size", kSame, kHonoured, kInteger, "16777216", "", SetMessageSize<&Config::grpc, &GrpcConfig::max_send_message_size>},
    {"grpc/tcp_address", kSame, kRefused, kText, "", kNoTcp},
    {"grpc/tcp_tls_ca", kSame, kRefused, kText, "", kNoTcp},
    {"grpc/tcp_tls_cert", kSame, kRefused, kText, "", kNoTcp},
    {"grpc/tcp_tls_key", kSame, kRefused, kText, "", kNoTcp},
    {"grpc/tcp_tls_common_name", kSame, kRefused, kText, "", kNoTcp},
    {"ttrpc/address", kSame, kMeaningless, kText, "|/run/containerd/containerd.sock.ttrpc"},
    {"ttrpc/uid", kSame, kMeaningless, kInteger, "0"},
    {"ttrpc/gid", kSame, kMeaningless, kInteger, "0"},
    {"metrics/address", kSame, kHonoured, kText, "", "", Set<&Config::metrics, &MetricsConfig::address>},
    {"metrics/grpc_histogram", kSame, kHonoured, kFlag, "false", "", Set<&Config::metrics, &MetricsConfig::grpc_histogram>},
    {"debug/log_trace_id", kSame, kHonoured, kFlag, "false", "", Set<&Config::log_trace_id>},
    {"plugins/io.containerd.server.v1.grpc-tcp/max_recv_message_size", kSame, kMeaningless, kInteger, "16777216"},
    {"plugins/io.containerd.server.v1.grpc-tcp/max_send_message_size", kSame, kMeaningless, kInteger, "16777216"},
    {"proxy_plugins/**", kSame, kDefaultOnly, kAny, ""},
    {"timeouts/io.containerd.timeout.bolt.open", kSame, kMeaningless, kDuration, "0s"},
    {"timeouts/io.containerd.timeout.metrics.shimstats", kSame, kMeaningless, kDuration, "2s"},
    {"timeouts/io.containerd.timeout.cri.defercleanup", kSame, kMeaningless, kDuration, "1m"},
    {"timeouts/io.containerd.timeout.shim.cleanup", kSame, kDefaultOnly, kDuration, "5s", kOwnDeadlines},
    {"timeouts/io.containerd.timeout.shim.load", kSame, kDefaultOnly, kDuration, "5s", kOwnDeadlines},
    {"timeouts/io.containerd.timeout.shim.shutdown", kSame, kDefaultOnly, kDuration, "3s", kOwnDeadlines},
    {"timeouts/io.containerd.timeout.task.state", kSame, kDefaultOnly, kDuration, "2s", kOwnDeadlines},

    // Decoders of encrypted layers: crisp has none, and an encrypted layer is an error of the pull.
    {"stream_processors/io.containerd.ocicrypt.decoder.v1.tar/accepts", kSame, kMeaningless, kList, "application/vnd.oci.image.layer.v1.tar+encrypted"},
    {"stream_processors/io.containerd.ocicrypt.decoder.v1.tar/returns", kSame, kMeaningless, kText, "application/vnd.oci.image.layer.v1.tar"},
    {"stream_processors/io.containerd.ocicrypt.decoder.v1.tar.gzip/accepts", kSame, kMeaningless, kList, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"},
    {"stream_processors/io.containerd.ocicrypt.decoder.v1.tar.gzip/returns", kSame, kMeaningless, kText, "application/vnd.oci.image.layer.v1.tar+gzip"},
    {"stream_processors/*/path", kSame, kMeaningless, kText, "ctd-decoder"},
    {"stream_processors/*/args", kSame, kMeaningless, kList, kDecoderArgs, "", nullptr, true},
    {"stream_processors/*/env", kSame, kMeaningless, kList, kDecoderEnv, "", nullptr, true},
    {"stream_processors/*/accepts", kSame, kMeaningless, kList, ""},
    {"stream_processors/*/returns", kSame, kMeaningless, kText, ""},

    // CRI: pods and containers.
    {"cri/sandbox_image", "images/pinned_images/sandbox", kHonoured, kText, "registry.k8s.io/pause:3.6", "", SetSandboxImage},
    {"cri/restrict_oom_score_adj", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::restrict_oom_score_adj>},
    {"cri/netns_mounts_under_state_dir", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::netns_mounts_under_state_dir>},
    {"cri/max_container_log_line_size", kRuntime, kHonoured, kInteger, "16384", "", Set<&Config::max_container_log_line_size>},
    {"cri/device_ownership_from_security_context", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::security, &SecurityConfig::device_ownership_from_security_context>},
    {"cri/disable_apparmor", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::security, &SecurityConfig::disable_apparmor>},
    {"cri/disable_cgroup", kRuntime, kDefaultOnly, kFlag, "false"},
    {"cri/disable_hugetlb_controller", kRuntime, kHonoured, kFlag, "true", "", Set<&Config::security, &SecurityConfig::disable_hugetlb_controller>},
    {"cri/disable_proc_mount", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::security, &SecurityConfig::disable_proc_mount>},
    {"cri/enable_selinux", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::security, &SecurityConfig::enable_selinux>},
    {"cri/selinux_category_range", kRuntime, kHonoured, kInteger, "1024", "", SetNotNegative<&Config::security, &SecurityConfig::selinux_category_range>},
    {"cri/enable_unprivileged_icmp", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::security, &SecurityConfig::enable_unprivileged_icmp>, false, "true"},
    {"cri/enable_unprivileged_ports", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::security, &SecurityConfig::enable_unprivileged_ports>, false, "true"},
    {"cri/ignore_image_defined_volumes", kRuntime, kHonoured, kFlag, "false", "", Set<&Config::security, &SecurityConfig::ignore_image_defined_volumes>},
    {"cri/tolerate_missing_hugetlb_controller", kRuntime, kHonoured, kFlag, "true", "", Set<&Config::security, &SecurityConfig::tolerate_missing_hugetlb_controller>},
    {"cri/unset_seccomp_profile", kRuntime, kHonoured, kText, "", "", Set<&Config::security, &SecurityConfig::unset_seccomp_profile>},
    {"cri/enable_cdi", kRuntime, kHonoured, kFlag, "true", "", Set<&Config::security, &SecurityConfig::enable_cdi>},
    {"cri/cdi_spec_dirs", kRuntime, kHonoured, kList, "/etc/cdi,/var/run/cdi", "", SetCdiDirs},
    {"cri/drain_exec_sync_io_timeout", kRuntime, kDefaultOnly, kDuration, "0s", "crisp reads the output of an ExecSync for at most a second after its process has ended"},
    {"cri/ignore_deprecation_warnings", kRuntime, kMeaningless, kList, ""},
    {"cri/systemd_cgroup", kNowhere, kRefused, kFlag, "false", "set containerd.runtimes.NAME.options.SystemdCgroup instead"},
    {"cri/stats_collect_period", kImages, kMeaningless, kPeriod, "10", kNoCollection},
    {"runtime/stats_collect_period", kSame, kMeaningless, kText, "", kNoCollection},
    {"runtime/stats_retention_period", kSame, kMeaningless, kText, "", kNoCollection},
    {"runtime/enable_criu", kSame, kMeaningless, kFlag, "true|false"},
    {"runtime/enable_experimental_restore_via_create", kSame, kDefaultOnly, kFlag, "false"},
    {"cri/cni/bin_dir", kRuntime, kHonoured, kText, "/opt/cni/bin", "", SetCniBinDir},
    {"cri/cni/bin_dirs", kRuntime, kHonoured, kList, "/opt/cni/bin", "", SetCniBinDirs},
    {"cri/cni/conf_dir", kRuntime, kHonoured, kText, "/etc/cni/net.d", "", SetCniConfDir},
    {"cri/cni/max_conf_num", kRuntime, kHonoured, kInteger, "1", "", SetNotNegative<&Config::cni, &CniSettings::max_conf_num>},
    {"cri/cni/conf_template", kRuntime, kHonoured, kText, "", "", SetPath<&Config::cni, &CniSettings::conf_template>},
    {"cri/cni/ip_pref", kRuntime, kHonoured, kText, "", "", SetIpPreference},
    {"cri/cni/setup_serially", kRuntime, kDefaultOnly, kFlag, "false"},
    {"cri/cni/use_internal_loopback", kRuntime, kMeaningless, kFlag, "false"},

    // CRI: the OCI runtimes.
    {"cri/containerd/default_runtime_name", kRuntime, kHonoured, kText, "runc", "", Set<&Config::default_runtime_name>},
    {"cri/containerd/snapshotter", "images/snapshotter", kRefused, kText, "overlayfs", kOnlyOverlay},
    {"cri/containerd/disable_snapshot_annotations", "images/disable_snapshot_annotations", kMeaningless, kFlag, "true"},
    {"cri/containerd/discard_unpacked_layers", "images/discard_unpacked_layers", kMeaningless, kFlag, "false"},
    {"cri/containerd/no_pivot", kNowhere, kDefaultOnly, kFlag, "false"},
    {"cri/containerd/ignore_blockio_not_enabled_errors", kRuntime, kDefaultOnly, kFlag, "false"},
    {"cri/containerd/ignore_rdt_not_enabled_errors", kRuntime, kDefaultOnly, kFlag, "false"},
    {"cri/containerd/default_runtime/**", kNowhere, kRefused, kAny, "", kNamedRuntime},
    {"cri/containerd/untrusted_workload_runtime/**", kNowhere, kRefused, kAny, "", kNamedRuntime},
    {"cri/containerd/runtimes/*", kRuntime, kHonoured, kTable, "", "", AddHandler},
    {"cri/containerd/runtimes/*/runtime_type", kRuntime, kHonoured, kText, "io.containerd.runc.v2|", "", CheckRuntimeType},
    {"cri/containerd/runtimes/*/base_runtime_spec", kRuntime, kHonoured, kText, "", "", SetBaseSpec},
    {"cri/containerd/runtimes/*/cni_conf_dir", kRuntime, kHonoured, kText, "", "", SetHandlerConfDir},
    {"cri/containerd/runtimes/*/cni_max_conf_num", kRuntime, kHonoured, kInteger, "0", "", SetHandlerMaxConfNum},
    {"cri/containerd/runtimes/*/container_annotations", kRuntime, kHonoured, kList, "", "", SetHandler<&Handler::container_annotations>},
    {"cri/containerd/runtimes/*/pod_annotations", kRuntime, kHonoured, kList, "", "", SetHandler<&Handler::pod_annotations>},
    {"cri/containerd/runtimes/*/privileged_without_host_devices", kRuntime, kHonoured, kFlag, "false", "", SetHandler<&Handler::privileged_without_host_devices>},
    {"cri/containerd/runtimes/*/privileged_without_host_devices_all_devices_allowed", kRuntime, kHonoured, kFlag, "false", "", SetHandler<&Handler::privileged_without_host_devices_all_devices_allowed>},
    {"cri/containerd/runtimes/*/cgroup_writable", kRuntime, kHonoured, kFlag, "false", "", SetHandler<&Handler::cgroup_writable>},
    {"cri/containerd/runtimes/*/runtime_engine", kRuntime, kDefaultOnly, kText, ""},
    {"cri/containerd/runtimes/*/runtime_root", kRuntime, kDefaultOnly, kText, ""},
    {"cri/containerd/runtimes/*/runtime_path", kRuntime, kHonoured, kText, "", "", CheckRuntimePath},
    {"cri/containerd/runtimes/*/snapshotter", kRuntime, kHonoured, kText, "|overlayfs", "", CheckHandlerSnapshotter},
    {"cri/containerd/runtimes/*/sandboxer", kRuntime, kHonoured, kText, "podsandbox|", "", CheckSandboxer},
    {"cri/containerd/runtimes/*/sandbox_mode", kRuntime, kHonoured, kText, "podsandbox|", "", CheckSandboxer},
    {"cri/containerd/runtimes/*/io_type", kRuntime, kDefaultOnly, kText, ""},
    {"cri/containerd/runtimes/*/options/BinaryName", kRuntime, kHonoured, kText, "", "", SetBinaryName},
    {"cri/containerd/runtimes/*/options/Root", kRuntime, kHonoured, kText, "", "", SetRuntimeRoot},
    {"cri/containerd/runtimes/*/options/SystemdCgroup", kRuntime, kHonoured, kFlag, "false", "", SetHandler<&Handler::systemd_cgroup>},
    {"cri/containerd/runtimes/*/options/NoPivotRoot", kRuntime, kHonoured, kFlag, "false", "", SetHandler<&Handler::no_pivot_root>},
    {"cri/containerd/runtimes/*/options/NoNewKeyring", kRuntime, kHonoured, kFlag, "false", "", SetHandler<&Handler::no_new_keyring>},
    {"cri/containerd/runtimes/*/options/IoUid", kRuntime, kMeaningless, kInteger, "0", kPipesOfUser},
    {"cri/containerd/runtimes/*/options/IoGid", kRuntime, kMeaningless, kInteger, "0", kPipesOfUser},
    {"cri/containerd/runtimes/*/options/ShimCgroup", kRuntime, kDefaultOnly, kText, "", "shims stay in the cgroup in which crispd is"},
    {"cri/containerd/runtimes/*/options/CriuPath", kRuntime, kDefaultOnly, kText, ""},
    {"cri/containerd/runtimes/*/options/CriuImagePath", kRuntime, kDefaultOnly, kText, ""},
    {"cri/containerd/runtimes/*/options/CriuWorkPath", kRuntime, kDefaultOnly, kText, ""},

    // CRI: images.
    {"cri/max_concurrent_downloads", kImages, kHonoured, kInteger, "3", "", Set<&Config::max_concurrent_downloads>},
    {"cri/image_pull_progress_timeout", kImages, kHonoured, kDuration, "5m0s", "", SetDuration<&Config::image_pull_progress_timeout>},
    {"cri/image_pull_with_sync_fs", kImages, kMeaningless, kFlag, "false"},
    {"cri/disable_image_pull_with_transfer_service", kNowhere, kMeaningless, kFlag, "false"},
    {"cri/use_local_image_pull", kImages, kMeaningless, kFlag, "false"},
    {"images/concurrent_layer_fetch_buffer", kSame, kDefaultOnly, kInteger, "0"},
    {"images/pinned_images/*", kSame, kDefaultOnly, kText, "", "crisp pins the image of \"sandbox\", and with crisp.pin_preloaded those that it imports"},
    {"images/runtime_platforms/*/platform", kSame, kDefaultOnly, kText, "|@host"},
    {"images/runtime_platforms/*/snapshotter", kSame, kHonoured, kText, "|overlayfs", "", CheckHandlerSnapshotter},
    {"cri/image_decryption/key_model", kImages, kMeaningless, kText, "node"},
    {"cri/registry/config_path", kImages, kHonoured, kText, "", "", SetConfigPath},
    {"cri/registry/mirrors/*/endpoint", kImages, kHonoured, kList, "", "", SetMirror},
    {"cri/registry/configs/*/auth/username", kImages, kHonoured, kText, "", "", SetAuth<&Auth::username>, true},
    {"cri/registry/configs/*/auth/password", kImages, kHonoured, kText, "", "", SetAuth<&Auth::password>, true},
    {"cri/registry/configs/*/auth/auth", kImages, kHonoured, kText, "", "", SetAuth<&Auth::auth>, true},
    {"cri/registry/configs/*/auth/identitytoken", kImages, kHonoured, kText, "", "", SetAuth<&Auth::identity_token>, true},
    {"cri/registry/configs/*/tls/insecure_skip_verify", kImages, kHonoured, kFlag, "false", "", SetTls<&Tls::insecure_skip_verify>},
    {"cri/registry/configs/*/tls/ca_file", kImages, kHonoured, kText, "", "", SetTls<&Tls::ca_file>},
    {"cri/registry/configs/*/tls/cert_file", kImages, kHonoured, kText, "", "", SetTls<&Tls::cert_file>},
    {"cri/registry/configs/*/tls/key_file", kImages, kHonoured, kText, "", "", SetTls<&Tls::key_file>},
    {"cri/registry/auths/*/username", kImages, kHonoured, kText, "", "", SetLegacyAuth<&Auth::username>, true},
    {"cri/registry/auths/*/password", kImages, kHonoured, kText, "", "", SetLegacyAuth<&Auth::password>, true},
    {"cri/registry/auths/*/auth", kImages, kHonoured, kText, "", "", SetLegacyAuth<&Auth::auth>, true},
    {"cri/registry/auths/*/identitytoken", kImages, kHonoured, kText, "", "", SetLegacyAuth<&Auth::identity_token>, true},
    {"cri/registry/headers/*", kImages, kHonoured, kList, "", "", AddHeader, true},

    // CRI: exec, attach and port-forward.
    {"cri/disable_tcp_service", kServer, kRefused, kFlag, "true", kNoTcp},
    {"cri/enable_tls_streaming", kServer, kHonoured, kFlag, "false", "", Set<&Config::stream, &StreamConfig::tls>},
    {"cri/stream_idle_timeout", kServer, kHonoured, kDuration, "4h0m0s", "", SetDuration<&Config::stream, &StreamConfig::idle_timeout>},
    {"cri/stream_server_address", kServer, kHonoured, kText, "127.0.0.1", "", SetAddress<&Config::stream, &StreamConfig::address>},
    {"cri/stream_server_port", kServer, kHonoured, kText, "0", "", SetPort<&Config::stream, &StreamConfig::port>},
    {"cri/x509_key_pair_streaming/tls_cert_file", kServer, kHonoured, kText, "", "", SetPath<&Config::stream, &StreamConfig::certificate_file>},
    {"cri/x509_key_pair_streaming/tls_key_file", kServer, kHonoured, kText, "", "", SetPath<&Config::stream, &StreamConfig::key_file>},

    // containerd's other plugins.
    {"plugins/io.containerd.gc.v1.scheduler/deletion_threshold", kSame, kMeaningless, kInteger, "0"},
    {"plugins/io.containerd.gc.v1.scheduler/mutation_threshold", kSame, kMeaningless, kInteger, "100"},
    {"plugins/io.containerd.gc.v1.scheduler/pause_threshold", kSame, kMeaningless, kReal, "0.02"},
    {"plugins/io.containerd.gc.v1.scheduler/schedule_delay", kSame, kMeaningless, kDuration, "0s"},
    {"plugins/io.containerd.gc.v1.scheduler/startup_delay", kSame, kMeaningless, kDuration, "100ms", "crisp.keep_unused_layers says how long layers of no image are kept"},
    {"plugins/io.containerd.image-verifier.v1.bindir/bin_dir", kSame, kRefused, kText, "/opt/containerd/image-verifier/bin", kNoVerifier, CheckNoVerifiers},
    {"plugins/io.containerd.image-verifier.v1.bindir/max_verifiers", kSame, kMeaningless, kInteger, "10"},
    {"plugins/io.containerd.image-verifier.v1.bindir/per_verifier_timeout", kSame, kMeaningless, kDuration, "10s"},
    {"plugins/io.containerd.internal.v1.opt/path", kSame, kMeaningless, kText, "/opt/containerd"},
    {"plugins/io.containerd.internal.v1.restart/interval", kSame, kMeaningless, kDuration, "10s"},
    {"plugins/io.containerd.monitor.container.v1.restart/interval", kSame, kMeaningless, kDuration, "10s"},
    {"plugins/io.containerd.internal.v1.tracing/sampling_ratio", kSame, kHonoured, kReal, "1.0", "", Set<&Config::tracing, &TracingConfig::sampling_ratio>},
    {"plugins/io.containerd.internal.v1.tracing/service_name", kSame, kHonoured, kText, "crispd", "", Set<&Config::tracing, &TracingConfig::service_name>},
    {"plugins/io.containerd.metadata.v1.bolt/content_sharing_policy", kSame, kMeaningless, kText, "shared"},
    {"plugins/io.containerd.metadata.v1.bolt/no_sync", kSame, kMeaningless, kFlag, "false"},
    {"plugins/io.containerd.monitor.v1.cgroups/no_prometheus", kSame, kHonoured, kFlag, "false", "", Set<&Config::metrics, &MetricsConfig::no_prometheus>},
    {"plugins/io.containerd.monitor.task.v1.cgroups/no_prometheus", kSame, kHonoured, kFlag, "false", "", Set<&Config::metrics, &MetricsConfig::no_prometheus>},
    {"plugins/io.containerd.nri.v1.nri/disable", kSame, kMeaningless, kFlag, "false|true"},
    {"plugins/io.containerd.nri.v1.nri/socket_path", kSame, kMeaningless, kText, "/var/run/nri/nri.sock", kNoNri},
    {"plugins/io.containerd.nri.v1.nri/plugin_path", kSame, kMeaningless, kText, "/opt/nri/plugins", kNoNri},
    {"plugins/io.containerd.nri.v1.nri/plugin_config_path", kSame, kMeaningless, kText, "/etc/nri/conf.d", kNoNri},
    {"plugins/io.containerd.nri.v1.nri/plugin_registration_timeout", kSame, kMeaningless, kDuration, "5s"},
    {"plugins/io.containerd.nri.v1.nri/plugin_request_timeout", kSame, kMeaningless, kDuration, "2s"},
    {"plugins/io.containerd.nri.v1.nri/disable_connections", kSame, kMeaningless, kFlag, "false|true"},
    {"plugins/io.containerd.nri.v1.nri/default_validator/required_plugins", kSame, kRefused, kList, "", kNoNriPlugins},
    {"plugins/io.containerd.nri.v1.nri/default_validator/**", kSame, kMeaningless, kAny, "", kNoNri},
    {"plugins/io.containerd.runtime.v1.linux/no_shim", kSame, kMeaningless, kFlag, "false"},
    {"plugins/io.containerd.runtime.v1.linux/runtime", kSame, kMeaningless, kText, "runc"},
    {"plugins/io.containerd.runtime.v1.linux/runtime_root", kSame, kMeaningless, kText, ""},
    {"plugins/io.containerd.runtime.v1.linux/shim", kSame, kMeaningless, kText, "containerd-shim"},
    {"plugins/io.containerd.runtime.v1.linux/shim_debug", kSame, kMeaningless, kFlag, "false"},
    {"plugins/io.containerd.runtime.v2.task/platforms", kSame, kDefaultOnly, kList, kHostPlatform},
    {"plugins/io.containerd.runtime.v2.task/sched_core", kSame, kRefused, kFlag, "false", kNoCoreScheduling},
    {"plugins/io.containerd.service.v1.diff-service/default", kSame, kMeaningless, kList, "walking"},
    {"plugins/io.containerd.service.v1.diff-service/sync_fs", kSame, kMeaningless, kFlag, "false"},
    {"plugins/io.containerd.differ.v1.erofs/**", kSame, kMeaningless, kAny, ""},
    {"plugins/io.containerd.mount-handler.v1.erofs/**", kSame, kMeaningless, kAny, ""},
    {"plugins/io.containerd.shim.v1.manager/env", kSame, kDefaultOnly, kList, "", "crisp's shim takes its settings from crispd", CheckShimEnvironment, true},
    {"plugins/io.containerd.shim.v1.manager/socket_dir", kSame, kMeaningless, kText, ""},
    {"plugins/io.containerd.service.v1.tasks-service/blockio_config_file", kSame, kDefaultOnly, kText, ""},
    {"plugins/io.containerd.service.v1.tasks-service/rdt_config_file", kSame, kDefaultOnly, kText, ""},
    {"plugins/io.containerd.snapshotter.v1.aufs/root_path", kSame, kMeaningless, kText, ""},
    {"plugins/io.containerd.snapshotter.v1.btrfs/root_path", kSame, kMeaningless, kText, ""},
    {"plugins/io.containerd.snapshotter.v1.blockfile/**", kSame, kMeaningless, kAny, ""},
    {"plugins/io.containerd.snapshotter.v1.erofs/**", kSame, kMeaningless, kAny, ""},
    {"plugins/io.containerd.snapshotter.v1.devmapper/**", kSame, kMeaningless, kAny, ""},
    {"plugins/io.containerd.snapshotter.v1.native/root_path", kSame, kMeaningless, kText, ""},
    {"plugins/io.containerd.snapshotter.v1.overlayfs/root_path", kSame, kDefaultOnly, kText, "", "crisp keeps layers below root; to have them on another disk, set root to a directory there"},
    {"plugins/io.containerd.snapshotter.v1.overlayfs/upperdir_label", kSame, kDefaultOnly, kFlag, "false"},
    {"plugins/io.containerd.snapshotter.v1.overlayfs/sync_remove", kSame, kMeaningless, kFlag, "false|true"},
    {"plugins/io.containerd.snapshotter.v1.overlayfs/slow_chown", kSame, kMeaningless, kFlag, "false"},
    {"plugins/io.containerd.snapshotter.v1.overlayfs/mount_options", kSame, kDefaultOnly, kList, "", "crisp chooses the options of its overlay mounts by what the kernel can do"},
    {"plugins/io.containerd.snapshotter.v1.zfs/root_path", kSame, kMeaningless, kText, ""},
    {"plugins/io.containerd.transfer.v1.local/max_concurrent_downloads", kSame, kMeaningless, kInteger, "3", kTransfer},
    {"plugins/io.containerd.transfer.v1.local/concurrent_layer_fetch_buffer", kSame, kMeaningless, kInteger, "0"},
    {"plugins/io.containerd.transfer.v1.local/max_concurrent_uploaded_layers", kSame, kMeaningless, kInteger, "3"},
    {"plugins/io.containerd.transfer.v1.local/max_concurrent_unpacks", kSame, kMeaningless, kInteger, "1"},
    {"plugins/io.containerd.transfer.v1.local/check_platform_supported", kSame, kMeaningless, kFlag, "false"},
    {"plugins/io.containerd.transfer.v1.local/config_path", kSame, kMeaningless, kText, "", kTransfer},
    {"plugins/io.containerd.transfer.v1.local/unpack_config/[]/platform", kSame, kMeaningless, kText, "|@host"},
    {"plugins/io.containerd.transfer.v1.local/unpack_config/[]/snapshotter", kSame, kMeaningless, kText, "|overlayfs"},
    {"plugins/io.containerd.transfer.v1.local/unpack_config/[]/**", kSame, kMeaningless, kAny, ""},
    {"plugins/io.containerd.tracing.processor.v1.otlp/endpoint", kSame, kHonoured, kText, "", "", Set<&Config::tracing, &TracingConfig::endpoint>},
    {"plugins/io.containerd.tracing.processor.v1.otlp/insecure", kSame, kMeaningless, kFlag, "false", kSchemeSaysTls},
    {"plugins/io.containerd.tracing.processor.v1.otlp/protocol", kSame, kHonoured, kText, "", "", Set<&Config::tracing, &TracingConfig::protocol>},

    // crisp's own.
    {"crisp/preload_dir", kSame, kHonoured, kText, "", "", SetPath<&Config::crisp, &CrispConfig::preload_dir>},
    {"crisp/credentials_for_mirrors", kSame, kHonoured, kFlag, "false", "", Set<&Config::crisp, &CrispConfig::credentials_for_mirrors>},
    {"crisp/pin_preloaded", kSame, kHonoured, kFlag, "false", "", Set<&Config::crisp, &CrispConfig::pin_preloaded>},
    {"crisp/keep_unused_layers", kSame, kHonoured, kDuration, "5m0s", "", SetDuration<&Config::crisp, &CrispConfig::keep_unused_layers>},
    {"crisp/shim", kSame, kHonoured, kText, "", "", SetPath<&Config::crisp, &CrispConfig::shim>},
    {"crisp/containerd_address", kSame, kHonoured, kText, "", "", SetPath<&Config::crisp, &CrispConfig::containerd_address>},
    {"crisp/log_wait", kSame, kHonoured, kDuration, "5s", "", SetDuration<&Config::crisp, &CrispConfig::log_wait>},
    {"crisp/native_exec", kSame, kHonoured, kFlag, "true", "", Set<&Config::crisp, &CrispConfig::native_exec>},
};
// clang-format on

}  // namespace

absl::Span<const Key> Keys() {
  return kKeys;
}

std::string PlatformOfThisNode() {
  static const std::map<std::string, std::string> kArchitectures = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm/v7"}, {"i686", "386"}};
  utsname names;
  uname(&names);
  auto found = kArchitectures.find(names.machine);
  return absl::StrCat("linux/", found == kArchitectures.end() ? names.machine : found->second);
}

}  // namespace crisp
