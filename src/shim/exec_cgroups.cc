#include "shim/exec_cgroups.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr int64_t kFirstPauseNanos = 1'000'000;
constexpr int64_t kLastPauseNanos = 2'048'000'000;

// The hierarchy in which an exec gets its cgroup. On v1 one is enough to find the processes; pids is always there.
const cgroup::Dir* Pick(const cgroup::Dirs& dirs) {
  for (const char* controller : {"pids", "freezer", "devices"}) {
    for (const cgroup::Dir& dir : dirs) {
      if (dir.Has(controller)) return &dir;
    }
  }
  for (const cgroup::Dir& dir : dirs) {
    if (dir.v2) return &dir;
  }
  return nullptr;
}

// The directory may be there already, or gone: a container with a writable cgroup can remove those that are idle.
bool Make(const cgroup::Dir& dir) {
  return mkdir(dir.path.c_str(), 0755) == 0 || errno == EEXIST;
}

}  // namespace

std::optional<cgroup::Dir> ExecCgroups::Take() {
  while (!idle_.empty()) {
    cgroup::Dir dir = std::move(idle_.back());
    idle_.pop_back();
    if (Make(dir) && cgroup::Processes({dir}).empty()) return dir;
  }
  const cgroup::Dir* parent = Pick(container_);
  if (parent == nullptr) {
    LogFault("exec: the container has no cgroup to put one below");
    return std::nullopt;
  }
  const std::string name = "exec-" + std::to_string(++made_) + ".mount";
  cgroup::Dir dir{parent->path + "/" + name, parent->controllers, parent->v2};
  if (Make(dir)) return dir;
  LogFault("exec: make cgroup " + dir.path, errno);
  return std::nullopt;
}

ExecCgroupsState ExecCgroups::Save() const {
  ExecCgroupsState state;
  state.made = made_;
  for (const cgroup::Dir& dir : idle_) state.idle.push_back({dir});
  for (const cgroup::Dir& dir : emptying_) state.emptying.push_back({dir});
  return state;
}

void ExecCgroups::Restore(const ExecCgroupsState& state) {
  made_ = state.made;
  for (const CgroupState& one : state.idle) idle_.push_back(one.dir);
  for (const CgroupState& one : state.emptying) Give(one.dir);
}

void ExecCgroups::Give(cgroup::Dir dir) {
  Empty(std::move(dir), kFirstPauseNanos);
}

// A process may fork while it is moved, and its child stays: tries again for about 4 seconds.
void ExecCgroups::Empty(cgroup::Dir dir, int64_t pause) {
  const int error = cgroup::MoveUp(dir.path);
  // EBUSY: on v2 the cgroup above may have enabled controllers for its children and then takes no process.
  if (error != 0 && error != ENOENT && error != EBUSY) LogFault("exec: leave cgroup " + dir.path, error);
  if (cgroup::Processes({dir}).empty()) {
    idle_.push_back(std::move(dir));
  } else if (pause <= kLastPauseNanos) {
    emptying_.push_back(dir);
    loop_.After(pause, [self = shared_from_this(), dir = std::move(dir), pause] {
      std::erase_if(self->emptying_, [&](const cgroup::Dir& one) { return one.path == dir.path; });
      self->Empty(dir, 2 * pause);
    });
  }
}

}  // namespace crisp::shim
