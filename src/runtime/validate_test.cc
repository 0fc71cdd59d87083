// Each field of a configuration with a value that makes no sense or is not honoured: the error must name the field.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "runtime/check_container.h"
#include "runtime/check_sandbox.h"
#include "runtime/message_check.h"

namespace crisp {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::StartsWith;

constexpr StatusCode kInvalid = StatusCode::kInvalidArgument;
constexpr StatusCode kNotYet = StatusCode::kUnimplemented;

cri::PodSandboxConfig GoodPod() {
  cri::PodSandboxConfig pod;
  pod.mutable_metadata()->set_name("web");
  pod.mutable_metadata()->set_uid("u");
  pod.mutable_metadata()->set_namespace_("default");
  return pod;
}

cri::ContainerConfig GoodContainer() {
  cri::ContainerConfig container;
  container.mutable_metadata()->set_name("main");
  container.mutable_image()->set_image("sha256:0");
  return container;
}

struct PodCase {
  const char* field;
  StatusCode code;
  std::function<void(cri::PodSandboxConfig&)> change;
};

struct ContainerCase {
  const char* field;
  StatusCode code;
  std::function<void(cri::ContainerConfig&)> change;
};

void ExpectNamed(const absl::Status& status, StatusCode code, const std::string& field) {
  EXPECT_EQ(status.code(), code) << field << " gave " << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("field config.", field)));
}

cri::LinuxSandboxSecurityContext& SecurityOf(cri::PodSandboxConfig& pod) {
  return *pod.mutable_linux()->mutable_security_context();
}
cri::LinuxContainerSecurityContext& SecurityOf(cri::ContainerConfig& container) {
  return *container.mutable_linux()->mutable_security_context();
}
cri::LinuxContainerResources& ResourcesOf(cri::ContainerConfig& container) {
  return *container.mutable_linux()->mutable_resources();
}
cri::Mount& AddMount(cri::ContainerConfig& container) {
  cri::Mount& mount = *container.add_mounts();
  mount.set_container_path("/c");
  mount.set_host_path("/h");
  return mount;
}
void AddMapping(google::protobuf::RepeatedPtrField<cri::IDMapping>& mappings, uint32_t inside, uint32_t outside,
                uint32_t length) {
  cri::IDMapping& mapping = *mappings.Add();
  mapping.set_container_id(inside);
  mapping.set_host_id(outside);
  mapping.set_length(length);
}
// One that is right.
cri::UserNamespace& UserNamespaceOf(cri::PodSandboxConfig& pod) {
  cri::UserNamespace& user = *SecurityOf(pod).mutable_namespace_options()->mutable_userns_options();
  AddMapping(*user.mutable_uids(), 0, 100000, 65536);
  AddMapping(*user.mutable_gids(), 0, 100000, 65536);
  return user;
}
cri::PortMapping& AddPort(cri::PodSandboxConfig& pod) {
  cri::PortMapping& port = *pod.add_port_mappings();
  port.set_container_port(80);
  return port;
}

cri::Mount& AddImageMount(cri::ContainerConfig& container) {
  cri::Mount& mount = AddMount(container);
  mount.clear_host_path();
  mount.mutable_image()->set_image("busybox");
  return mount;
}
cri::Device& AddDevice(cri::ContainerConfig& container) {
  cri::Device& device = *container.add_devices();
  device.set_host_path("/dev/null");
  device.set_container_path("/dev/nothing");
  return device;
}

template <typename E>
E Unknown() {
  return static_cast<E>(77);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

const std::vector<PodCase>& PodCases() {
  using P = cri::PodSandboxConfig;
  static const std::vector<PodCase> cases = {
      {"metadata.name", kInvalid, [](P& p) { p.mutable_metadata()->clear_name(); }},
      {"metadata.name", kInvalid, [](P& p) { p.mutable_metadata()->set_name(std::string(1025, 'a')); }},
      {"metadata.name", kInvalid, [](P& p) { p.mutable_metadata()->set_name("a\nb"); }},
      {"metadata.uid", kInvalid, [](P& p) { p.mutable_metadata()->clear_uid(); }},
      {"metadata.namespace", kInvalid, [](P& p) { p.mutable_metadata()->clear_namespace_(); }},
      {"metadata.name", kInvalid, [](P& p) { p.clear_metadata(); }},
      {"hostname", kInvalid, [](P& p) { p.set_hostname(std::string(65, 'a')); }},
      {"hostname", kInvalid, [](P& p) { p.set_hostname("a\nb"); }},
      {"hostname", kInvalid, [](P& p) { p.set_hostname("a b"); }},
      {"hostname", kInvalid, [](P& p) { p.set_hostname("../a"); }},
      {"log_directory", kInvalid, [](P& p) { p.set_log_directory("var/log"); }},
      {"dns_config.servers[0]", kInvalid, [](P& p) { p.mutable_dns_config()->add_servers("1.2.3.4\noptions x"); }},
      {"dns_config.searches[1]", kInvalid,
       [](P& p) {
         p.mutable_dns_config()->add_searches("a.b");
         p.mutable_dns_config()->add_searches("");
       }},
      {"dns_config.options[0]", kInvalid, [](P& p) { p.mutable_dns_config()->add_options("\r"); }},
      {"port_mappings[0].protocol", kInvalid, [](P& p) { AddPort(p).set_protocol(Unknown<cri::Protocol>()); }},
      {"port_mappings[0].container_port", kInvalid, [](P& p) { AddPort(p).set_container_port(65536); }},
      {"port_mappings[0].container_port", kInvalid, [](P& p) { AddPort(p).set_container_port(-1); }},
      {"port_mappings[0].container_port", kInvalid,
       [](P& p) {
         AddPort(p).set_host_port(80);
         p.mutable_port_mappings(0)->clear_container_port();
       }},
      {"port_mappings[1].host_port", kInvalid,
       [](P& p) {
         AddPort(p);
         AddPort(p).set_host_port(70000);
       }},
      {"port_mappings[0].host_ip", kInvalid, [](P& p) { AddPort(p).set_host_ip("1.2.3"); }},
      {"windows", kInvalid, [](P& p) { p.mutable_windows(); }},
      {"linux.cgroup_parent", kInvalid, [](P& p) { p.mutable_linux()->set_cgroup_parent("/a/../../b"); }},
      {"linux.cgroup_parent", kInvalid, [](P& p) { p.mutable_linux()->set_cgroup_parent("/a\nb"); }},
      {"linux.cgroup_parent", kInvalid, [](P& p) { p.mutable_linux()->set_cgroup_parent(std::string(4097, 'a')); }},
      {"linux.security_context.namespace_options.network", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->set_network(cri::CONTAINER); }},
      {"linux.security_context.namespace_options.network", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->set_network(cri::TARGET); }},
      {"linux.security_context.namespace_options.pid", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->set_pid(cri::TARGET); }},
      {"linux.security_context.namespace_options.pid", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->set_pid(Unknown<cri::NamespaceMode>()); }},
      {"linux.security_context.namespace_options.ipc", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->set_ipc(cri::CONTAINER); }},
      {"linux.security_context.namespace_options.target_id", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->set_target_id("x"); }},
      {"linux.security_context.namespace_options.userns_options.uids", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->mutable_userns_options(); }},
      {"linux.security_context.namespace_options.userns_options.uids", kInvalid,
       [](P& p) { AddMapping(*UserNamespaceOf(p).mutable_uids(), 0, 9, 9); }},
      {"linux.security_context.namespace_options.userns_options.gids", kInvalid,
       [](P& p) { UserNamespaceOf(p).clear_gids(); }},
      {"linux.security_context.namespace_options.userns_options.gids", kInvalid,
       [](P& p) { UserNamespaceOf(p).mutable_gids(0)->set_host_id(5); }},
      {"linux.security_context.namespace_options.userns_options.uids[0].length", kInvalid,
       [](P& p) { UserNamespaceOf(p).mutable_uids(0)->set_length(0); }},
      {"linux.security_context.namespace_options.userns_options.uids[0].length", kInvalid,
       [](P& p) { UserNamespaceOf(p).mutable_uids(0)->set_length(UINT32_MAX); }},
      {"linux.security_context.namespace_options.userns_options.uids[0].container_id", kInvalid,
       [](P& p) { UserNamespaceOf(p).mutable_uids(0)->set_container_id(1); }},
      {"linux.security_context.namespace_options.pid", kInvalid,
       [](P& p) {
         UserNamespaceOf(p);
         SecurityOf(p).mutable_namespace_options()->set_pid(cri::NODE);
       }},
      {"linux.security_context.namespace_options.ipc", kInvalid,
       [](P& p) {
         UserNamespaceOf(p);
         SecurityOf(p).mutable_namespace_options()->set_ipc(cri::NODE);
       }},
      {"linux.security_context.namespace_options.userns_options.mode", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->mutable_userns_options()->set_mode(cri::CONTAINER); }},
      {"linux.security_context.namespace_options.userns_options.mode", kInvalid,
       [](P& p) { SecurityOf(p).mutable_namespace_options()->mutable_userns_options()->set_mode(cri::TARGET); }},
      {"linux.security_context.namespace_options.userns_options.uids", kInvalid,
       [](P& p) {
         cri::UserNamespace& user = *SecurityOf(p).mutable_namespace_options()->mutable_userns_options();
         user.set_mode(cri::NODE);
         user.add_uids();
       }},
      {"linux.security_context.namespace_options.userns_options.gids", kInvalid,
       [](P& p) {
         cri::UserNamespace& user = *SecurityOf(p).mutable_namespace_options()->mutable_userns_options();
         user.set_mode(cri::NODE);
         user.add_gids();
       }},
      {"linux.security_context.selinux_options.user", kInvalid,
       [](P& p) { SecurityOf(p).mutable_selinux_options()->set_user("u:x"); }},
      {"linux.security_context.selinux_options.role", kInvalid,
       [](P& p) { SecurityOf(p).mutable_selinux_options()->set_role("r:x"); }},
      {"linux.security_context.selinux_options.type", kInvalid,
       [](P& p) { SecurityOf(p).mutable_selinux_options()->set_type("t:x"); }},
      {"linux.security_context.selinux_options.level", kInvalid,
       [](P& p) { SecurityOf(p).mutable_selinux_options()->set_level("s0,c4,c5"); }},
      {"linux.security_context.run_as_user", kInvalid,
       [](P& p) { SecurityOf(p).mutable_run_as_user()->set_value(4294967295); }},
      {"linux.security_context.run_as_group", kInvalid,
       [](P& p) { SecurityOf(p).mutable_run_as_group()->set_value(1); }},
      {"linux.security_context.run_as_group", kInvalid,
       [](P& p) {
         SecurityOf(p).mutable_run_as_user()->set_value(1);
         SecurityOf(p).mutable_run_as_group()->set_value(-1);
       }},
      {"linux.security_context.supplemental_groups[0]", kInvalid,
       [](P& p) { SecurityOf(p).add_supplemental_groups(-1); }},
      {"linux.security_context.supplemental_groups_policy", kInvalid,
       [](P& p) { SecurityOf(p).set_supplemental_groups_policy(Unknown<cri::SupplementalGroupsPolicy>()); }},
      {"linux.security_context.seccomp.localhost_ref", kInvalid,
       [](P& p) { SecurityOf(p).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost); }},
      {"linux.security_context.seccomp.profile_type", kInvalid,
       [](P& p) { SecurityOf(p).mutable_seccomp()->set_profile_type(Unknown<cri::SecurityProfile::ProfileType>()); }},
      {"linux.security_context.seccomp.localhost_ref", kInvalid,
       [](P& p) { SecurityOf(p).mutable_seccomp()->set_localhost_ref("/x"); }},
      {"linux.security_context.apparmor.localhost_ref", kInvalid,
       [](P& p) { SecurityOf(p).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost); }},
      {"linux.security_context.seccomp_profile_path", kInvalid,
       [](P& p) { SecurityOf(p).set_seccomp_profile_path("localhost/relative"); }},
      {"linux.security_context.seccomp_profile_path", kInvalid,
       [](P& p) { SecurityOf(p).set_seccomp_profile_path("strict"); }},
      {"linux.sysctls[\"kernel.core_pattern\"]", kInvalid,
       [](P& p) { (*p.mutable_linux()->mutable_sysctls())["kernel.core_pattern"] = "|/x"; }},
  };
  return cases;
}

const std::vector<ContainerCase>& ContainerCases() {
  using C = cri::ContainerConfig;
  static const std::vector<ContainerCase> cases = {
      {"metadata.name", kInvalid, [](C& c) { c.mutable_metadata()->clear_name(); }},
      {"metadata.name", kInvalid, [](C& c) { c.mutable_metadata()->set_name("a\x7f"); }},
      {"image.image", kInvalid, [](C& c) { c.clear_image(); }},
      {"working_dir", kInvalid, [](C& c) { c.set_working_dir("srv"); }},
      {"working_dir", kInvalid, [](C& c) { c.set_working_dir("/" + std::string(4096, 'a')); }},
      {"envs[0].key", kInvalid, [](C& c) { c.add_envs(); }},
      {"envs[1].key", kInvalid,
       [](C& c) {
         c.add_envs()->set_key("A");
         c.add_envs()->set_key("A=B");
       }},
      {"envs[0].value", kInvalid,
       [](C& c) {
         c.add_envs()->set_key("A");
         c.mutable_envs(0)->set_value("\xff");
       }},
      {"envs[0].value", kInvalid,
       [](C& c) {
         c.add_envs()->set_key("HOME");
         c.mutable_envs(0)->set_value("/root\nroot::0:0");
       }},
      {"mounts[0].container_path", kInvalid, [](C& c) { c.add_mounts()->set_host_path("/h"); }},
      {"mounts[0].container_path", kInvalid, [](C& c) { AddMount(c).set_container_path("data"); }},
      {"mounts[0].container_path", kInvalid, [](C& c) { AddMount(c).set_container_path("//."); }},
      {"mounts[0].container_path", kInvalid, [](C& c) { AddMount(c).set_container_path("/a/../.."); }},
      {"mounts[0].host_path", kInvalid, [](C& c) { AddMount(c).clear_host_path(); }},
      {"mounts[1].host_path", kInvalid,
       [](C& c) {
         AddMount(c);
         AddMount(c).set_host_path("h");
       }},
      {"mounts[0].propagation", kInvalid, [](C& c) { AddMount(c).set_propagation(Unknown<cri::MountPropagation>()); }},
      {"mounts[0].gidMappings", kInvalid, [](C& c) { AddMapping(*AddMount(c).mutable_uidmappings(), 0, 1, 1); }},
      {"mounts[0].uidMappings[0].length", kInvalid,
       [](C& c) { AddMapping(*AddMount(c).mutable_uidmappings(), 0, 1, 0); }},
      {"mounts[0].gidMappings[0].length", kInvalid,
       [](C& c) { AddMapping(*AddMount(c).mutable_gidmappings(), 5, 1, UINT32_MAX); }},
      {"mounts[0].recursive_read_only", kInvalid, [](C& c) { AddMount(c).set_recursive_read_only(true); }},
      {"mounts[0].recursive_read_only", kInvalid,
       [](C& c) {
         AddMount(c).set_recursive_read_only(true);
         c.mutable_mounts(0)->set_readonly(true);
         c.mutable_mounts(0)->set_propagation(cri::PROPAGATION_HOST_TO_CONTAINER);
       }},
      {"mounts[0].image.image", kInvalid, [](C& c) { AddMount(c).mutable_image(); }},
      {"mounts[0].host_path", kInvalid, [](C& c) { AddMount(c).mutable_image()->set_image("x"); }},
      {"mounts[0].image_sub_path", kInvalid, [](C& c) { AddMount(c).set_image_sub_path("x"); }},
      {"mounts[0].image_sub_path", kInvalid, [](C& c) { AddImageMount(c).set_image_sub_path("/x"); }},
      {"mounts[0].image_sub_path", kInvalid, [](C& c) { AddImageMount(c).set_image_sub_path("a/../../x"); }},
      {"mounts[0].propagation", kInvalid,
       [](C& c) { AddImageMount(c).set_propagation(cri::PROPAGATION_BIDIRECTIONAL); }},
      {"devices[0].host_path", kInvalid, [](C& c) { c.add_devices(); }},
      {"devices[0].container_path", kInvalid, [](C& c) { AddDevice(c).set_container_path("dev/null"); }},
      {"devices[0].container_path", kInvalid, [](C& c) { AddDevice(c).set_container_path("/dev/.."); }},
      {"devices[0].permissions", kInvalid, [](C& c) { AddDevice(c).set_permissions("rx"); }},
      {"devices[0].permissions", kInvalid, [](C& c) { AddDevice(c).set_permissions("rr"); }},
      {"CDI_devices[0].name", kInvalid, [](C& c) { c.add_cdi_devices(); }},
      {"CDI_devices[0].name", kInvalid, [](C& c) { c.add_cdi_devices()->set_name("vendor.example/thing"); }},
      {"annotations[\"cdi.k8s.io/x\"]", kInvalid, [](C& c) { (*c.mutable_annotations())["cdi.k8s.io/x"] = "a,b"; }},
      {"log_path", kInvalid, [](C& c) { c.set_log_path("/etc/passwd"); }},
      {"log_path", kInvalid, [](C& c) { c.set_log_path("a/../../b"); }},
      {"windows", kInvalid, [](C& c) { c.mutable_windows(); }},
      {"stop_signal", kInvalid, [](C& c) { c.set_stop_signal(Unknown<cri::Signal>()); }},
      {"linux.resources.cpu_period", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_period(999); }},
      {"linux.resources.cpu_period", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_period(1000001); }},
      {"linux.resources.cpu_period", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_period(-1); }},
      {"linux.resources.cpu_quota", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_quota(-2); }},
      {"linux.resources.cpu_quota", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_quota(999); }},
      {"linux.resources.cpu_shares", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_shares(1); }},
      {"linux.resources.cpu_shares", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_shares(262145); }},
      {"linux.resources.cpu_shares", kInvalid, [](C& c) { ResourcesOf(c).set_cpu_shares(-5); }},
      {"linux.resources.memory_limit_in_bytes", kInvalid, [](C& c) { ResourcesOf(c).set_memory_limit_in_bytes(-1); }},
      {"linux.resources.memory_swap_limit_in_bytes", kInvalid,
       [](C& c) { ResourcesOf(c).set_memory_swap_limit_in_bytes(-2); }},
      {"linux.resources.memory_swap_limit_in_bytes", kInvalid,
       [](C& c) { ResourcesOf(c).set_memory_swap_limit_in_bytes(5); }},
      {"linux.resources.memory_swap_limit_in_bytes", kInvalid,
       [](C& c) {
         ResourcesOf(c).set_memory_limit_in_bytes(6);
         ResourcesOf(c).set_memory_swap_limit_in_bytes(5);
       }},
      {"linux.resources.oom_score_adj", kInvalid, [](C& c) { ResourcesOf(c).set_oom_score_adj(1001); }},
      {"linux.resources.oom_score_adj", kInvalid, [](C& c) { ResourcesOf(c).set_oom_score_adj(-1001); }},
      {"linux.resources.cpuset_cpus", kInvalid, [](C& c) { ResourcesOf(c).set_cpuset_cpus("0-"); }},
      {"linux.resources.cpuset_cpus", kInvalid, [](C& c) { ResourcesOf(c).set_cpuset_cpus("0,\n1"); }},
      {"linux.resources.cpuset_cpus", kInvalid, [](C& c) { ResourcesOf(c).set_cpuset_cpus("3-1"); }},
      {"linux.resources.cpuset_mems", kInvalid, [](C& c) { ResourcesOf(c).set_cpuset_mems("all"); }},
      {"linux.resources.hugepage_limits[0].page_size", kInvalid, [](C& c) { ResourcesOf(c).add_hugepage_limits(); }},
      {"linux.resources.hugepage_limits[0].page_size", kInvalid,
       [](C& c) { ResourcesOf(c).add_hugepage_limits()->set_page_size("../2MB"); }},
      {"linux.resources.unified[\"memory/../x\"]", kInvalid,
       [](C& c) { (*ResourcesOf(c).mutable_unified())["memory/../x"] = "1"; }},
      {"linux.resources.unified[\"cgroup.kill\"]", kInvalid,
       [](C& c) { (*ResourcesOf(c).mutable_unified())["cgroup.kill"] = "1"; }},
      {"linux.resources.unified[\"memory.high\"]", kInvalid,
       [](C& c) { (*ResourcesOf(c).mutable_unified())["memory.high"] = ""; }},
      {"linux.security_context.privileged", kInvalid, [](C& c) { SecurityOf(c).set_privileged(true); }},
      {"linux.security_context.capabilities.add_capabilities[0]", kInvalid,
       [](C& c) { SecurityOf(c).mutable_capabilities()->add_add_capabilities("FLY"); }},
      {"linux.security_context.capabilities.drop_capabilities[0]", kInvalid,
       [](C& c) { SecurityOf(c).mutable_capabilities()->add_drop_capabilities(""); }},
      {"linux.security_context.capabilities.add_ambient_capabilities[0]", kInvalid,
       [](C& c) { SecurityOf(c).mutable_capabilities()->add_add_ambient_capabilities("FLY"); }},
      {"linux.security_context.namespace_options.network", kInvalid,
       [](C& c) { SecurityOf(c).mutable_namespace_options()->set_network(cri::NODE); }},
      {"linux.security_context.namespace_options.ipc", kInvalid,
       [](C& c) { SecurityOf(c).mutable_namespace_options()->set_ipc(cri::NODE); }},
      {"linux.security_context.namespace_options.target_id", kInvalid,
       [](C& c) { SecurityOf(c).mutable_namespace_options()->set_pid(cri::TARGET); }},
      {"linux.security_context.namespace_options.target_id", kInvalid,
       [](C& c) { SecurityOf(c).mutable_namespace_options()->set_target_id("x"); }},
      {"linux.security_context.namespace_options.userns_options.uids", kInvalid,
       [](C& c) { SecurityOf(c).mutable_namespace_options()->mutable_userns_options(); }},
      {"linux.security_context.namespace_options.userns_options", kInvalid,
       [](C& c) {
         cri::UserNamespace& user = *SecurityOf(c).mutable_namespace_options()->mutable_userns_options();
         AddMapping(*user.mutable_uids(), 0, 1, 1);
         AddMapping(*user.mutable_gids(), 0, 1, 1);
       }},
      {"linux.security_context.selinux_options.type", kInvalid,
       [](C& c) { SecurityOf(c).mutable_selinux_options()->set_type("t t"); }},
      {"linux.security_context.run_as_user", kInvalid,
       [](C& c) { SecurityOf(c).mutable_run_as_user()->set_value(-1); }},
      {"linux.security_context.run_as_group", kInvalid,
       [](C& c) { SecurityOf(c).mutable_run_as_group()->set_value(1); }},
      {"linux.security_context.run_as_group", kInvalid,
       [](C& c) {
         SecurityOf(c).set_run_as_username("web");
         SecurityOf(c).mutable_run_as_group()->set_value(4294967295);
       }},
      {"linux.security_context.run_as_username", kInvalid,
       [](C& c) {
         SecurityOf(c).set_run_as_username("web");
         SecurityOf(c).mutable_run_as_user()->set_value(1);
       }},
      {"linux.security_context.run_as_username", kInvalid, [](C& c) { SecurityOf(c).set_run_as_username("a\nb"); }},
      {"linux.security_context.supplemental_groups[1]", kInvalid,
       [](C& c) {
         SecurityOf(c).add_supplemental_groups(0);
         SecurityOf(c).add_supplemental_groups(int64_t{1} << 40);
       }},
      {"linux.security_context.supplemental_groups_policy", kInvalid,
       [](C& c) { SecurityOf(c).set_supplemental_groups_policy(Unknown<cri::SupplementalGroupsPolicy>()); }},
      {"linux.security_context.masked_paths[0]", kInvalid, [](C& c) { SecurityOf(c).add_masked_paths("proc"); }},
      {"linux.security_context.readonly_paths[0]", kInvalid, [](C& c) { SecurityOf(c).add_readonly_paths(""); }},
      {"linux.security_context.seccomp.localhost_ref", kInvalid,
       [](C& c) { SecurityOf(c).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost); }},
      {"linux.security_context.seccomp.localhost_ref", kInvalid,
       [](C& c) {
         SecurityOf(c).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
         SecurityOf(c).mutable_seccomp()->set_localhost_ref("relative.json");
       }},
      {"linux.security_context.apparmor.localhost_ref", kInvalid,
       [](C& c) {
         SecurityOf(c).mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
         SecurityOf(c).mutable_apparmor()->set_localhost_ref("localhost/");
       }},
      {"linux.security_context.apparmor_profile", kInvalid,
       [](C& c) { SecurityOf(c).set_apparmor_profile("my-profile"); }},
      {"linux.security_context.seccomp_profile_path", kInvalid,
       [](C& c) { SecurityOf(c).set_seccomp_profile_path("localhost/x"); }},
  };
  return cases;
}

TEST(CheckSandboxConfigTest, EveryFieldIsNamed) {
  ASSERT_TRUE(CheckSandboxConfig(GoodPod()).ok());
  for (const PodCase& c : PodCases()) {
    cri::PodSandboxConfig pod = GoodPod();
    c.change(pod);
    ExpectNamed(CheckSandboxConfig(pod), c.code, c.field);
  }
}

TEST(CheckContainerConfigTest, EveryFieldIsNamed) {
  ASSERT_TRUE(CheckContainerConfig(GoodContainer(), GoodPod()).ok());
  for (const ContainerCase& c : ContainerCases()) {
    cri::ContainerConfig container = GoodContainer();
    c.change(container);
    ExpectNamed(CheckContainerConfig(container, GoodPod()), c.code, c.field);
  }
}

TEST(CheckSandboxConfigTest, TakesWhatAKubeletSends) {
  cri::PodSandboxConfig pod = GoodPod();
  pod.set_hostname(std::string(64, 'a'));
  pod.set_log_directory("/var/log/pods/x");
  pod.mutable_dns_config()->add_servers("10.96.0.10");
  AddPort(pod).set_host_ip("::1");
  AddPort(pod).set_host_ip("127.0.0.1");
  (*pod.mutable_annotations())["a"] = "line\nline";
  pod.mutable_linux()->set_cgroup_parent("/kubepods.slice/kubepods-burstable.slice");
  (*pod.mutable_linux()->mutable_sysctls())["net.core.somaxconn"] = "1024";
  pod.mutable_linux()->mutable_overhead();
  pod.mutable_linux()->mutable_resources()->set_cpu_shares(2);
  SecurityOf(pod).mutable_seccomp();
  SecurityOf(pod).mutable_selinux_options();
  SecurityOf(pod).set_seccomp_profile_path("unconfined");
  SecurityOf(pod).mutable_apparmor();
  SecurityOf(pod).mutable_selinux_options()->set_level("s0:c1,c2");
  SecurityOf(pod).mutable_run_as_user()->set_value(1000);
  SecurityOf(pod).mutable_namespace_options()->mutable_userns_options()->set_mode(cri::NODE);
  SecurityOf(pod).mutable_namespace_options()->set_pid(cri::CONTAINER);
  EXPECT_TRUE(CheckSandboxConfig(pod).ok()) << CheckSandboxConfig(pod);
}

TEST(CheckContainerConfigTest, TakesWhatAKubeletSends) {
  cri::ContainerConfig container = GoodContainer();
  container.set_log_path("main/0.log");
  cri::Mount& mount = AddMount(container);
  mount.set_selinux_relabel(true);
  mount.set_propagation(cri::PROPAGATION_BIDIRECTIONAL);
  AddMount(container).set_container_path("/a/../b");
  cri::HugepageLimit& limit = *ResourcesOf(container).add_hugepage_limits();
  limit.set_page_size("2MB");
  (*ResourcesOf(container).mutable_unified())["memory.oom.group"] = "1";
  ResourcesOf(container).set_cpu_quota(-1);
  ResourcesOf(container).set_cpuset_cpus("0-2,7");
  ResourcesOf(container).set_memory_limit_in_bytes(1 << 20);
  ResourcesOf(container).set_memory_swap_limit_in_bytes(1 << 20);
  SecurityOf(container).mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
  SecurityOf(container).set_apparmor_profile("unconfined");
  SecurityOf(container).mutable_selinux_options()->set_type("container_t");
  SecurityOf(container).add_masked_paths("/proc/asound");
  SecurityOf(container).mutable_capabilities()->add_add_ambient_capabilities("NET_BIND_SERVICE");
  SecurityOf(container).mutable_namespace_options()->set_pid(cri::TARGET);
  SecurityOf(container).mutable_namespace_options()->set_target_id("abc");
  AddImageMount(container).set_image_sub_path("etc/x");
  AddDevice(container).set_permissions("rw");
  AddDevice(container).set_container_path("/dev/../dev/x");
  container.add_cdi_devices()->set_name("vendor.example/thing=all");
  (*container.mutable_annotations())["cdi.k8s.io/x"] = "vendor.example/thing=0,vendor.example/thing=1";
  container.set_stop_signal(cri::SIGNAL_SIGUSR1);
  EXPECT_TRUE(CheckContainerConfig(container, GoodPod()).ok()) << CheckContainerConfig(container, GoodPod());
}

// CRI's own words: with privileged these may have no effect.
TEST(CheckContainerConfigTest, PrivilegedSwitchesConfinementOff) {
  cri::PodSandboxConfig pod = GoodPod();
  SecurityOf(pod).set_privileged(true);
  cri::ContainerConfig container = GoodContainer();
  SecurityOf(container).set_privileged(true);
  SecurityOf(container).mutable_seccomp();
  SecurityOf(container).mutable_apparmor();
  SecurityOf(container).mutable_selinux_options()->set_level("s0");
  EXPECT_TRUE(CheckContainerConfig(container, pod).ok()) << CheckContainerConfig(container, pod);
}

TEST(CheckSandboxConfigTest, TakesAUserNamespaceOfOneMapping) {
  cri::PodSandboxConfig pod = GoodPod();
  UserNamespaceOf(pod);
  EXPECT_TRUE(CheckSandboxConfig(pod).ok()) << CheckSandboxConfig(pod);
  cri::PodSandboxConfig host_network = pod;
  SecurityOf(host_network).mutable_namespace_options()->set_network(cri::NODE);
  EXPECT_TRUE(CheckSandboxConfig(host_network).ok()) << CheckSandboxConfig(host_network);
  cri::ContainerConfig container = GoodContainer();
  *SecurityOf(container).mutable_namespace_options() = SecurityOf(pod).namespace_options();
  EXPECT_TRUE(CheckContainerConfig(container, pod).ok()) << CheckContainerConfig(container, pod);
  SecurityOf(container).mutable_namespace_options()->mutable_userns_options()->set_mode(cri::NODE);
  SecurityOf(container).mutable_namespace_options()->mutable_userns_options()->clear_uids();
  SecurityOf(container).mutable_namespace_options()->mutable_userns_options()->clear_gids();
  EXPECT_EQ(CheckContainerConfig(container, pod).code(), kInvalid);
}

TEST(CheckContainerConfigTest, HostNamespacesArePossibleInAPodThatHasThem) {
  cri::PodSandboxConfig pod = GoodPod();
  cri::NamespaceOption& options = *SecurityOf(pod).mutable_namespace_options();
  options.set_network(cri::NODE);
  options.set_ipc(cri::NODE);
  cri::ContainerConfig container = GoodContainer();
  *SecurityOf(container).mutable_namespace_options() = options;
  EXPECT_TRUE(CheckContainerConfig(container, pod).ok());
}

TEST(SysctlTest, OnlyThoseOfThePodsNamespaces) {
  const auto check = [](const std::string& name, const std::string& value, cri::NamespaceMode network,
                        cri::NamespaceMode ipc) {
    cri::PodSandboxConfig pod = GoodPod();
    SecurityOf(pod).mutable_namespace_options()->set_network(network);
    SecurityOf(pod).mutable_namespace_options()->set_ipc(ipc);
    (*pod.mutable_linux()->mutable_sysctls())[name] = value;
    return CheckSandboxConfig(pod).code();
  };
  for (const char* name : {"kernel.shmmax", "kernel.shm_rmid_forced", "kernel.sem", "kernel.msgmni",
                           "fs.mqueue.msg_max", "kernel/shmmax", "net.ipv4.ip_forward", "net/ipv4/tcp_syncookies"}) {
    EXPECT_EQ(check(name, "1", cri::POD, cri::POD), StatusCode::kOk) << name;
    EXPECT_EQ(check(name, "1", cri::NODE, cri::NODE), kInvalid) << name;
  }
  EXPECT_EQ(check("net.ipv4.ip_forward", "1", cri::POD, cri::NODE), StatusCode::kOk);
  EXPECT_EQ(check("kernel.sem", "1", cri::NODE, cri::POD), StatusCode::kOk);
  EXPECT_EQ(check("net.ipv4.tcp_rmem", "4096\t87380 6291456", cri::POD, cri::POD), StatusCode::kOk);
  for (const char* name : {"",
                           "net",
                           "net.",
                           "net..x",
                           ".net.x",
                           "net./../kernel/core_pattern",
                           "net/../kernel/core_pattern",
                           "kernel.core_pattern",
                           "kernel.hostname",
                           "kernel.shmmax+kernel.core_pattern",
                           "vm.swappiness",
                           "kernel.sem2",
                           "kernel.shmmax\n",
                           "fs.file-max",
                           "fs.mqueue",
                           "NET.ipv4.ip_forward",
                           "net.ipv4/ip_forward",
                           "network.x",
                           "net.ipv4.a b",
                           "net.ipv4.a=1"}) {
    EXPECT_EQ(check(name, "1", cri::POD, cri::POD), kInvalid) << name;
  }
  for (const char* value : {"1\n2", "1+kernel.core_pattern=|/x", "1\r", "\x7f"}) {
    EXPECT_EQ(check("net.ipv4.ip_forward", value, cri::POD, cri::POD), kInvalid) << value;
  }
}

TEST(SysctlTest, TwoSpellingsOfOneAreRefused) {
  cri::PodSandboxConfig pod = GoodPod();
  (*pod.mutable_linux()->mutable_sysctls())["kernel.sem"] = "1";
  (*pod.mutable_linux()->mutable_sysctls())["kernel/sem"] = "2";
  EXPECT_EQ(CheckSandboxConfig(pod).code(), kInvalid);
}

#pragma GCC diagnostic pop

// Puts `text` into the first string that can be reached through each field of `message`, and calls `check` each time
// with the path of it.
void ForEachString(google::protobuf::Message& root, google::protobuf::Message& message, const std::string& path,
                   const std::string& text, int depth, const std::function<void(const std::string&)>& check) {
  using google::protobuf::FieldDescriptor;
  if (depth > 8) return;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const std::string name = absl::StrCat(path, ".", field->name(), field->is_repeated() ? "[0]" : "");
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (field->is_repeated()) {
        reflection.AddString(&message, field, text);
      } else {
        reflection.SetString(&message, field, text);
      }
      check(name);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      google::protobuf::Message* child =
          field->is_repeated() ? reflection.AddMessage(&message, field) : reflection.MutableMessage(&message, field);
      ForEachString(root, *child, name, text, depth + 1, check);
    }
    reflection.ClearField(&message, field);
  }
}

TEST(CheckStringsTest, ANulOrBrokenTextIsFoundInEveryStringThereIs) {
  int count = 0;
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xc3")}) {
    cri::PodSandboxConfig pod;
    ForEachString(pod, pod, "config", text, 0, [&](const std::string& path) {
      ++count;
      EXPECT_THAT(std::string(CheckSandboxConfig(pod).message()), StartsWith(absl::StrCat("field ", path, ": ")));
    });
    cri::ContainerConfig container;
    ForEachString(container, container, "config", text, 0, [&](const std::string& path) {
      ++count;
      EXPECT_THAT(std::string(CheckContainerConfig(container, GoodPod()).message()),
                  StartsWith(absl::StrCat("field ", path, ": ")));
    });
  }
  EXPECT_GT(count, 100);
}

TEST(IsUtf8Test, AgreesWithUnicode) {
  for (const char* text : {"", "a", "ü", "€", "😀", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(IsUtf8(text)) << text;
  for (const char* text : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82"}) {
    EXPECT_FALSE(IsUtf8(text));
  }
}

}  // namespace
}  // namespace crisp
