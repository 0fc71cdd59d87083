// Layout: the paths of everything that crisp keeps on disk. Only this file joins them.
//
//   <root>/                       survives a reboot; 0711, so that the root of a user namespace can pass
//     lock                        held by the daemon (flock), so that no two share a root
//     crisp.db                    the records (SQLite, WAL), 0600
//     layers/<n>/                 one unpacked layer; <n> is a short base-36 number, so that 500 fit in a mount
//     ingest/<n>/                 a layer that is being unpacked; removed at start
//     containers/<id>/            for each container and pause container (whose id is the pod's); 0700
//       upper/ work/              the writable layer, overlayfs
//       shifted/ empty/           idmapped layers while the overlay is being mounted; layers that overlayfs needs
//       volumes/<n>/              the volumes that the image declares
//       record                    a copy of its row, in case the database is lost (sandbox/records.h)
//       exit                      the exit record (shim/exit_record.h), written once, by the shim or after its death
//       resolv.conf hostname hosts  of a pause container: containers of the pod write to them, so they are not in
//       memory
//     containers/<id>-image-<n>/  for the n-th mount of a container, if it is a mount of an image
//     residue/                    what could not be removed (store/residue.h); 0700
//   <state>/                      gone after a reboot; 0711
//     lock                        held by the daemon (flock), so that no two share a state
//     netns/<pod id>              the pinned network namespace with netns_mounts_under_state_dir; else it is
//                                 /run/netns/cni-<pod id>
//     oci/<runtime>/              the OCI runtime's own state (its --root); oci/ is 0700
//     pods/<pod id>/              0700, below a pods/ of 0711; with a user namespace 0710, with the group that is 0 in
//                                 it
//       shim.sock                 the shim's socket (shim/protocol.h)
//       shim.log                  faults of the shim, one a line
//       shm/                      the pod's /dev/shm, a tmpfs
//       ns/ipc uts pid user       the pinned namespaces of the pause container that its containers join
//       <container id>/           an OCI bundle: config.json, rootfs/ (the overlay is mounted there)
//         images/<n>/             the root of the image of its n-th mount
//         target-pids             the pinned PID namespace of its target container
//     pod-cidrs                   the node's ranges of pod addresses, as the kubelet told them (network/pod_cidrs.h)
//     residue/                    as below root
//     recorder.jsonl              the newest log lines at every level (base/recorder.h)
//     traces/                     what the recorder had when something failed or crashed (base/trace_files.h)
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace crisp {

// `root` and `state` are absolute, without a trailing slash. Immutable.
class Layout {
 public:
  Layout(std::string root, std::string state, bool netns_under_state)
      : root_(std::move(root)), state_(std::move(state)), netns_under_state_(netns_under_state) {}

  const std::string& root() const { return root_; }
  const std::string& state() const { return state_; }

  std::string RootLock() const { return absl::StrCat(root_, "/lock"); }
  std::string Database() const { return absl::StrCat(root_, "/crisp.db"); }
  std::string Layers() const { return absl::StrCat(root_, "/layers"); }
  std::string Layer(absl::string_view name) const { return absl::StrCat(root_, "/layers/", name); }
  std::string Ingests() const { return absl::StrCat(root_, "/ingest"); }
  std::string Ingest(absl::string_view name) const { return absl::StrCat(root_, "/ingest/", name); }
  std::string Containers() const { return absl::StrCat(root_, "/containers"); }
  std::string Container(absl::string_view id) const { return absl::StrCat(root_, "/containers/", id); }
  static std::string ImageMountId(absl::string_view container, int index) {
    return absl::StrCat(container, "-image-", index);
  }
  std::string Upper(absl::string_view id) const { return absl::StrCat(Container(id), "/upper"); }
  std::string Work(absl::string_view id) const { return absl::StrCat(Container(id), "/work"); }
  std::string RecordCopy(absl::string_view id) const { return absl::StrCat(Container(id), "/record"); }
  std::string ExitRecord(absl::string_view id) const { return absl::StrCat(Container(id), "/exit"); }
  std::string Volumes(absl::string_view id) const { return absl::StrCat(Container(id), "/volumes"); }
  std::string ResolvConf(absl::string_view pod) const { return absl::StrCat(Container(pod), "/resolv.conf"); }
  std::string Hostname(absl::string_view pod) const { return absl::StrCat(Container(pod), "/hostname"); }
  std::string Hosts(absl::string_view pod) const { return absl::StrCat(Container(pod), "/hosts"); }

  std::string RootResidue() const { return absl::StrCat(root_, "/residue"); }
  std::string StateResidue() const { return absl::StrCat(state_, "/residue"); }

  std::string StateLock() const { return absl::StrCat(state_, "/lock"); }
  std::string NetnsDir() const { return netns_under_state_ ? absl::StrCat(state_, "/netns") : "/run/netns"; }
  std::string Netns(absl::string_view pod) const {
    return netns_under_state_ ? absl::StrCat(NetnsDir(), "/", pod) : absl::StrCat(NetnsDir(), "/cni-", pod);
  }
  std::string Recorder() const { return absl::StrCat(state_, "/recorder.jsonl"); }
  std::string PodCidrs() const { return absl::StrCat(state_, "/pod-cidrs"); }
  std::string Traces() const { return absl::StrCat(state_, "/traces"); }
  std::string RuntimeRoots() const { return absl::StrCat(state_, "/oci"); }
  std::string RuntimeRoot(absl::string_view runtime) const { return absl::StrCat(RuntimeRoots(), "/", runtime); }
  std::string Pods() const { return absl::StrCat(state_, "/pods"); }
  std::string Pod(absl::string_view pod) const { return absl::StrCat(state_, "/pods/", pod); }
  std::string ShimSocket(absl::string_view pod) const { return absl::StrCat(Pod(pod), "/shim.sock"); }
  std::string ShimLog(absl::string_view pod) const { return absl::StrCat(Pod(pod), "/shim.log"); }
  std::string Shm(absl::string_view pod) const { return absl::StrCat(Pod(pod), "/shm"); }
  std::string NamespacePins(absl::string_view pod) const { return absl::StrCat(Pod(pod), "/ns"); }
  std::string NamespacePin(absl::string_view pod, absl::string_view kind) const {
    return absl::StrCat(NamespacePins(pod), "/", kind);
  }
  std::string Bundle(absl::string_view pod, absl::string_view container) const {
    return absl::StrCat(Pod(pod), "/", container);
  }
  std::string Spec(absl::string_view pod, absl::string_view container) const {
    return absl::StrCat(Bundle(pod, container), "/config.json");
  }
  std::string ImageMount(absl::string_view pod, absl::string_view container, int index) const {
    return absl::StrCat(Bundle(pod, container), "/images/", index);
  }
  std::string TargetPids(absl::string_view pod, absl::string_view container) const {
    return absl::StrCat(Bundle(pod, container), "/target-pids");
  }
  std::string Rootfs(absl::string_view pod, absl::string_view container) const {
    return absl::StrCat(Bundle(pod, container), "/rootfs");
  }

 private:
  std::string root_;
  std::string state_;
  bool netns_under_state_;
};

}  // namespace crisp
