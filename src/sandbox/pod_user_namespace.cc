#include "sandbox/pod_user_namespace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

std::vector<IdRange> Ranges(const google::protobuf::RepeatedPtrField<cri::IDMapping>& mappings) {
  std::vector<IdRange> ranges;
  for (const cri::IDMapping& mapping : mappings) {
    ranges.push_back({mapping.container_id(), mapping.host_id(), mapping.length()});
  }
  return ranges;
}

absl::Status Give(const std::string& path, uint32_t uid, uint32_t gid) {
  if (lchown(path.c_str(), uid, gid) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("set the owner of ", path));
}

}  // namespace

std::optional<IdMap> IdMapOf(const cri::PodSandboxConfig& config) {
  const cri::NamespaceOption& options = config.linux().security_context().namespace_options();
  if (!options.has_userns_options() || options.userns_options().mode() != cri::POD) return std::nullopt;
  return IdMap{Ranges(options.userns_options().uids()), Ranges(options.userns_options().gids())};
}

absl::Status GivePodToItsRoot(const Layout& layout, const std::string& pod_id, const IdMap& map) {
  RETURN_IF_ERROR(LetRootPass(layout.Pod(pod_id), map));
  RETURN_IF_ERROR(LetRootPass(layout.Container(pod_id), map));
  // That 0 is mapped is checked with the configuration.
  const uint32_t uid = MapId(map.uids, 0).value_or(0);
  const uint32_t gid = MapId(map.gids, 0).value_or(0);
  for (const std::string& path :
       {layout.Shm(pod_id), layout.ResolvConf(pod_id), layout.Hosts(pod_id), layout.Hostname(pod_id)}) {
    RETURN_IF_ERROR(Give(path, uid, gid));
  }
  return absl::OkStatus();
}

absl::Status LetRootPass(const std::string& directory, const IdMap& map) {
  RETURN_IF_ERROR(Give(directory, 0, MapId(map.gids, 0).value_or(0)));
  if (chmod(directory.c_str(), 0710) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("set the mode of ", directory));
}

}  // namespace crisp
