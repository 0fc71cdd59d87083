#include "sandbox/exec_plans.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "sandbox/bundle_spec.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

constexpr size_t kMostKnown = 256;

}  // namespace

absl::StatusOr<std::string> ExecPlans::For(const PodContainer& found, const std::vector<std::string>& command,
                                           bool terminal) const {
  if (!setup_->Get()->options.native_exec) return absl::UnimplementedError("native_exec is off");
  ASSIGN_OR_RETURN(const std::shared_ptr<const ExecPlanBase> base, BaseOf(found));
  return base->For(command, terminal);
}

ExecPlans::Base ExecPlans::BaseOf(const PodContainer& found) const {
  const std::string& id = found.container->id();
  // Before it is read: what is written meanwhile is found the next time.
  ASSIGN_OR_RETURN(const FileMark mark, MarkOf(layout_.Spec(found.pod->id(), id)));
  {
    MutexLock lock(mutex_);
    const auto known =
        std::find_if(known_.begin(), known_.end(), [&](const Known& one) { return one.container_id == id; });
    if (known != known_.end() && known->mark == mark) {
      known_.splice(known_.begin(), known_, known);
      return known->base;
    }
    if (known != known_.end()) known_.erase(known);
  }
  Base base = Make(found);
  if (!base.ok() && !absl::IsUnimplemented(base.status())) return base;
  MutexLock lock(mutex_);
  known_.push_front({id, mark, base});
  if (known_.size() > kMostKnown) known_.pop_back();
  return base;
}

ExecPlans::Base ExecPlans::Make(const PodContainer& found) const {
  std::string handler;
  found.pod->WithRecord([&](const PodRecord& record) { handler = record.runtime_handler(); });
  if (setup_->Get()->handlers.FeaturesOf(handler).runc_version.empty())
    return absl::UnimplementedError("the runtime is not runc");
  const OciRuntime& runtime = found.pod->runtime();
  if (runtime.no_pivot_root) return absl::UnimplementedError("no_pivot_root is set");
  ASSIGN_OR_RETURN(const std::string spec, ReadBundleSpec(layout_, found.pod->id(), found.container->id()));
  ASSIGN_OR_RETURN(ExecPlanBase base, ExecPlanBase::Make(spec, found.container->id(), !runtime.no_new_keyring));
  return std::make_shared<const ExecPlanBase>(std::move(base));
}

absl::StatusOr<ExecPlans::FileMark> ExecPlans::MarkOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  return FileMark{info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

}  // namespace crisp
