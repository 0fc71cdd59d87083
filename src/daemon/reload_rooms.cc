#include "daemon/reload_rooms.h"

#include <string>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "config/config.h"
#include "daemon/options.h"
#include "images/images.h"
#include "network/cni_options.h"
#include "network/network.h"
#include "os/file.h"
#include "sandbox/pod_manager.h"
#include "sandbox/runtime_health.h"
#include "sandbox/sandbox_options.h"
#include "server/cri_server.h"
#include "server/server_options.h"
#include "streaming/stream_server.h"

namespace crisp {
namespace {

absl::StatusOr<Commit> PreparePods(const ReloadedRooms& rooms, const Config& next) {
  ASSIGN_OR_RETURN(SandboxOptions options, SandboxOptionsOf(next, rooms.layout));
  for (const auto& [name, runtime] : options.runtimes) RETURN_IF_ERROR(MakeDirs(runtime.root, 0700));
  const std::string program = options.runtimes.at(options.default_runtime).binary;
  ASSIGN_OR_RETURN(Commit commit, rooms.pods->Prepare(std::move(options)));
  return Commit([commit = std::move(commit), health = rooms.health, program] {
    commit();
    health->SetRuntimeProgram(program);
  });
}

}  // namespace

std::vector<Reloader::Prepare> ReloadSteps(const ReloadedRooms& rooms) {
  return {
      [](const Config& next) -> absl::StatusOr<Commit> {
        return Commit([level = next.log_level, format = next.log_format] {
          SetLogOptions({level, format, StderrIsJournal()});
        });
      },
      [rooms](const Config& next) { return rooms.images->Prepare(ImagesOptionsOf(next)); },
      [rooms](const Config& next) { return rooms.network->Prepare(CniOptionsOf(next, rooms.layout)); },
      [rooms](const Config& next) { return PreparePods(rooms, next); },
      [rooms](const Config& next) { return rooms.streams->Prepare(StreamServerOptionsOf(next)); },
      [rooms](const Config& next) -> absl::StatusOr<Commit> {
        return Commit([rooms, report = NodeReportOf(next, rooms.layout)] { rooms.server->SetReport(report); });
      },
  };
}

}  // namespace crisp
