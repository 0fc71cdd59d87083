#include "client/own_container.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/image_names.h"
#include "client/names.h"
#include "os/fd.h"

namespace crisp::client {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::InternalError(absl::StrCat(what, " ", path, ": ", strerror(errno)));
}

absl::Status WriteSecret(const std::string& path, const std::string& text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid() || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return SystemError("write", path);
  }
  return absl::OkStatus();
}

absl::Status Save(const std::string& path, const google::protobuf::Message& message) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text).ok()) {
    return absl::InternalError(absl::StrCat(path, ": the configuration is not UTF-8"));
  }
  return WriteSecret(path, text);
}

absl::Status Load(const std::string& path, google::protobuf::Message* message) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return SystemError("read", path);
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // written by a later version
  const auto parsed = google::protobuf::util::JsonStringToMessage(text.str(), message, options);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(path, ": ", std::string(parsed.message())));
}

// A port of the host that nobody listens on at this moment.
absl::StatusOr<int> FreePort() {
  const Fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t length = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(probe.get(), any, length) != 0 || getsockname(probe.get(), any, &length) != 0) {
    return SystemError("find a free port of", "the host");
  }
  return ntohs(address.sin_port);
}

// Runs the pod, and undoes it if the container cannot be created.
absl::StatusOr<MadeContainer> Make(RuntimeClient* runtime, OwnConfig config) {
  MadeContainer made;
  made.name = config.pod.metadata().name();
  made.log = absl::StrCat(config.pod.log_directory(), "/", config.container.log_path());
  config.pod.mutable_metadata()->set_uid(RandomHex());
  cri::RunPodSandboxRequest run;
  *run.mutable_config() = config.pod;
  ASSIGN_OR_RETURN(const auto pod, runtime->Call(run), "make the pod of ", made.name);
  made.pod_id = pod.pod_sandbox_id();
  cri::CreateContainerRequest create;
  create.set_pod_sandbox_id(made.pod_id);
  *create.mutable_config() = config.container;
  *create.mutable_sandbox_config() = config.pod;
  const auto container = runtime->Call(create);
  if (container.ok()) {
    made.id = container->container_id();
    return made;
  }
  cri::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id(made.pod_id);
  return Join(Annotate(container.status(), absl::StrCat("create ", made.name)), runtime->Call(remove).status());
}

absl::Status MakeVolumes(const OwnConfig& config, const std::string& data_root) {
  for (const cri::Mount& mount : config.container.mounts()) {
    if (!absl::StartsWith(mount.host_path(), data_root)) continue;
    std::error_code error;
    fs::create_directories(mount.host_path(), error);
    if (error) return absl::InternalError(absl::StrCat("make the volume ", mount.host_path(), ": ", error.message()));
  }
  return absl::OkStatus();
}

absl::StatusOr<MadeContainer> MakeAndSave(Session& session, const OwnConfig& config, const std::string& directory) {
  RETURN_IF_ERROR(MakeVolumes(config, session.options().data_root));
  RETURN_IF_ERROR(Save(directory + "/pod.json", config.pod));
  RETURN_IF_ERROR(Save(directory + "/container.json", config.container));
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  return Make(runtime, config);
}

absl::Status RemovePod(RuntimeClient* runtime, const std::string& id) {
  cri::StopPodSandboxRequest stop;
  stop.set_pod_sandbox_id(id);
  RETURN_IF_ERROR(runtime->Call(stop), "stop pod ", ShortId(id));
  cri::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id(id);
  return Annotate(runtime->Call(remove).status(), absl::StrCat("remove pod ", ShortId(id)));
}

// NotFound and its like say that the name is free.
absl::Status CheckFree(RuntimeClient* runtime, const std::string& name) {
  cri::ListPodSandboxRequest request;
  (*request.mutable_filter()->mutable_label_selector())[kNameLabel] = name;
  ASSIGN_OR_RETURN(const auto pods, runtime->Call(request), "list pods");
  if (pods.items().empty()) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat("the name ", name, " is in use by ", ShortId(pods.items(0).id()),
                                               "; remove it (crisp rm -f ", name, ") or take another --name"));
}

}  // namespace

std::string DirectoryOf(Session& session, const std::string& name) {
  return absl::StrCat(session.options().data_root, "/containers/", name);
}

absl::StatusOr<MadeContainer> CreateOwn(Session& session, RunSpec spec) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  RETURN_IF_ERROR(CheckFree(runtime, spec.name));
  for (cri::PortMapping& mapping : spec.ports) {
    if (mapping.host_port() != 0) continue;
    ASSIGN_OR_RETURN(const int port, FreePort());
    mapping.set_host_port(port);
  }
  ASSIGN_OR_RETURN(const ImageCommand image, CommandOfImage(runtime, spec.image));
  const std::string directory = DirectoryOf(session, spec.name);
  ASSIGN_OR_RETURN(const OwnConfig config,
                   BuildConfig(spec, image, directory, session.options().data_root + "/volumes"));
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return absl::InternalError(
        absl::StrCat("make ", directory, ": ", error.message(), "; run this as root, or name another --data-root"));
  }
  chmod(directory.c_str(), 0700);
  absl::StatusOr<MadeContainer> made = MakeAndSave(session, config, directory);
  if (!made.ok()) fs::remove_all(directory, error);
  return made;
}

absl::StatusOr<MadeContainer> RecreateOwn(Session& session, const ContainerView& old) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  const std::string directory = DirectoryOf(session, old.Name());
  OwnConfig config;
  const std::string what = absl::StrCat("make ", old.Name(), " anew");
  RETURN_IF_ERROR(Load(directory + "/pod.json", &config.pod), what);
  RETURN_IF_ERROR(Load(directory + "/container.json", &config.container), what);
  RETURN_IF_ERROR(RemovePod(runtime, old.pod.id()), what);
  return MakeAndSave(session, config, directory);
}

absl::Status StartContainer(RuntimeClient* runtime, const std::string& id) {
  cri::StartContainerRequest request;
  request.set_container_id(id);
  return runtime->Call(request).status();
}

absl::Status StopOwn(RuntimeClient* runtime, const ContainerView& view, int64_t grace_seconds) {
  cri::StopContainerRequest request;
  request.set_container_id(view.container.id());
  request.set_timeout(grace_seconds);
  RETURN_IF_ERROR(runtime->Call(request), "stop ", view.Name());
  if (!view.own()) return absl::OkStatus();
  cri::StopPodSandboxRequest pod;
  pod.set_pod_sandbox_id(view.container.pod_sandbox_id());
  return Annotate(runtime->Call(pod).status(), absl::StrCat("stop the pod of ", view.Name()));
}

absl::Status RemoveOwn(Session& session, const ContainerView& view) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  if (!view.own()) {
    cri::RemoveContainerRequest request;
    request.set_container_id(view.container.id());
    return Annotate(runtime->Call(request).status(), absl::StrCat("remove ", view.Name()));
  }
  RETURN_IF_ERROR(RemovePod(runtime, view.container.pod_sandbox_id()), "remove ", view.Name());
  std::error_code error;
  fs::remove_all(DirectoryOf(session, view.Name()), error);
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("remove ", DirectoryOf(session, view.Name()), ": ", error.message()));
}

absl::StatusOr<std::string> LogPathOf(RuntimeClient* runtime, const std::string& id) {
  ASSIGN_OR_RETURN(const auto status, StatusOf(runtime, id, false));
  if (!status.status().log_path().empty()) return status.status().log_path();
  return absl::NotFoundError(absl::StrCat("container ", ShortId(id), " has no log: whoever made it wanted none"));
}

int ExitStatusOf(const absl::Status& start) {
  const absl::string_view text = start.message();
  if (absl::StrContains(text, "executable file not found") || absl::StrContains(text, "no such file or directory")) {
    return kExitNotFound;
  }
  if (absl::StrContains(text, "permission denied") || absl::StrContains(text, "exec format error") ||
      absl::StrContains(text, "is a directory")) {
    return kExitCannotExecute;
  }
  return kExitFailure;
}

}  // namespace crisp::client
