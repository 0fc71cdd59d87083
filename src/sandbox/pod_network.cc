#include "sandbox/pod_network.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"
#include "network/network.h"
#include "os/netns.h"
#include "os/netns_pin.h"
#include "sandbox/bandwidth.h"
#include "sandbox/namespace_pins.h"
#include "sandbox/network_garbage.h"
#include "sandbox/pod.h"
#include "sandbox/pod_files.h"
#include "sandbox/pod_log.h"

namespace crisp {
namespace {

std::vector<PortMap> HostPorts(const cri::PodSandboxConfig& config) {
  std::vector<PortMap> ports;
  for (const cri::PortMapping& mapping : config.port_mappings()) {
    if (mapping.host_port() == 0) continue;
    std::string protocol = mapping.protocol() == cri::UDP ? "udp" : mapping.protocol() == cri::SCTP ? "sctp" : "tcp";
    ports.push_back({std::move(protocol), mapping.container_port(), mapping.host_port(), mapping.host_ip()});
  }
  return ports;
}

std::optional<PodDns> DnsOf(const cri::PodSandboxConfig& config) {
  if (!config.has_dns_config()) return std::nullopt;
  const cri::DNSConfig& dns = config.dns_config();
  return PodDns{{dns.servers().begin(), dns.servers().end()},
                {dns.searches().begin(), dns.searches().end()},
                {dns.options().begin(), dns.options().end()}};
}

absl::StatusOr<PodNetworkRequest> RequestFor(const PodRecord& record) {
  const cri::PodSandboxConfig& config = record.config();
  PodNetworkRequest request;
  request.pod_id = record.id();
  request.name = config.metadata().name();
  request.namespace_name = config.metadata().namespace_();
  request.uid = config.metadata().uid();
  request.netns_path = record.netns_path();
  request.ports = HostPorts(config);
  ASSIGN_OR_RETURN(request.bandwidth, BandwidthOf(config));
  request.handler = record.runtime_handler();
  request.dns = DnsOf(config);
  request.cgroup_parent = config.linux().cgroup_parent();
  request.annotations = {config.annotations().begin(), config.annotations().end()};
  return request;
}

}  // namespace

absl::Status PodNetwork::Plan(PodRecord* record) const {
  if (UsesHostNetwork(record->config())) return absl::OkStatus();
  record->set_netns_path(layout_.Netns(record->id()));
  ASSIGN_OR_RETURN(const PodNetworkRequest request, RequestFor(*record));
  ASSIGN_OR_RETURN(const CniAttachment plan, network_->Plan(request));
  record->set_cni_plan(plan.plan);
  return absl::OkStatus();
}

absl::Status PodNetwork::CreateNamespace(const PodRecord& record) const {
  return Annotate(CreateNetns(record.netns_path()), "create network namespace");
}

absl::Status PodNetwork::PinNamespaceOfPause(const Pod& pod) const {
  const PodRecord record = pod.record();
  RETURN_IF_ERROR(PinNetnsOf(record.pause_pid(), record.netns_path()));
  const absl::Status same = CheckFirstProcess(record.pause_pid(), record.cgroups_path(), pod.runtime().systemd_cgroup);
  if (same.ok()) return same;
  return Join(Annotate(same, "pin the network namespace of the pause container"), RemoveNetns(record.netns_path()));
}

absl::Status PodNetwork::Attach(Pod* pod, const CallContext& call) const {
  garbage_->Collect(call);
  CniAttachment attachment{pod->record().cni_plan(), ""};
  const MonoTime start = MonoClock::now();
  const auto addresses = network_->Attach(&attachment, call);
  call.Done("run CNI ADD", start);
  pod->UpdateRecord([&](PodRecord* record) {
    record->set_cni_result(attachment.result);
    if (!addresses.ok()) return;
    record->set_ip(addresses->ip);
    for (const std::string& ip : addresses->additional_ips) record->add_additional_ips(ip);
  });
  return Annotate(addresses.status(), "set up network");
}

absl::Status PodNetwork::Detach(const PodRecord& record, const CallContext& call) const {
  if (record.netns_path().empty()) return absl::OkStatus();
  // The namespace goes after the plugins have released what they hold in it.
  absl::Status detached = network_->Detach({record.cni_plan(), record.cni_result()}, call);
  if (!detached.ok()) detached = GiveUp(record, detached);
  RETURN_IF_ERROR(detached, "take down network");
  call.Done("run CNI DEL");
  return Annotate(RemoveNetns(record.netns_path()), "remove network namespace");
}

absl::Status PodNetwork::GiveUp(const PodRecord& record, const absl::Status& error) const {
  if (network_->PluginsInstalled({record.cni_plan(), record.cni_result()})) return error;
  {
    MutexLock lock(mutex_);
    Failures& failures = failures_[record.id()];
    if (failures.calls++ == 0) failures.first = MonoClock::now();
    if (failures.calls < patience_.calls || MonoClock::now() - failures.first < patience_.time) return error;
    failures_.erase(record.id());
  }
  garbage_->Note();
  OwnedLogFields fields = LogFieldsOf(record.config().metadata());
  fields.emplace_back("pod_id", record.id());
  Log(LogLevel::kError,
      "the network of a pod is given up, since a plugin that made it is not installed any more; addresses and rules "
      "that it holds stay until CNI GC, which crisp runs when it attaches a pod to a network of cniVersion 1.1.0",
      fields, {{"error", error.message()}});
  return absl::OkStatus();
}

}  // namespace crisp
