// start, stop, restart, kill, rm, wait, and what CRI has no call for.
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/container_end.h"
#include "client/follow.h"
#include "client/own_container.h"
#include "client/verbs.h"

namespace crisp::client {
namespace {

struct Line {
  std::vector<std::string> names;
  bool force = false, attach = false, interactive = false, volumes = false, all = false;
  int64_t seconds = 10;
  std::string signal = "KILL", detach_keys = DetachKeys::kDefault;
};

// Does it for each, tells each name that went well, and each error; 1 if there was one.
absl::StatusOr<int> ForEach(const Line& line, const std::function<absl::Status(const std::string&)>& act) {
  int status = 0;
  for (const std::string& name : line.names) {
    const absl::Status done = act(name);
    if (done.ok()) {
      Out(name + "\n");
    } else {
      Err(absl::StrCat("crisp: ", done.message(), "\n"));
      status = 1;
    }
  }
  return status;
}

absl::StatusOr<int> Stop(Session& session, const Line& line) {
  return ForEach(line, [&](const std::string& name) -> absl::Status {
    ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
    ASSIGN_OR_RETURN(const ContainerView view, FindToChange(session, name));
    return StopOwn(runtime, view, line.seconds);
  });
}

absl::Status SendSignal(Session& session, const std::string& name, const std::string& signal) {
  ASSIGN_OR_RETURN(const int number, SignalNumber(signal), "--signal");
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ContainerView view, FindToChange(session, name));
  if (view.container.state() != cri::CONTAINER_RUNNING) {
    return absl::FailedPreconditionError(
        absl::StrCat("container ", name, " does not run; `crisp ps -a` shows its state"));
  }
  if (number == SIGKILL) return StopOwn(runtime, view, 0);
  ASSIGN_OR_RETURN(const auto status, StatusOf(runtime, view.container.id(), true));
  const nlohmann::ordered_json info = InfoOf(status.info());
  const pid_t pid = info.is_object() ? info.value("pid", 0) : 0;
  if (pid <= 0) {
    return absl::UnimplementedError(absl::StrCat(runtime->Name(), " does not tell the pid of ", name,
                                                 ", and CRI has no ", "call for signals; use crisp exec ", name,
                                                 " kill"));
  }
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("send ", signal, " to ", name, " (pid ", pid, "): ", strerror(errno)));
}

absl::StatusOr<int> Kill(Session& session, const Line& line) {
  return ForEach(line, [&](const std::string& name) { return SendSignal(session, name, line.signal); });
}

absl::StatusOr<int> Remove(Session& session, const Line& line) {
  return ForEach(line, [&](const std::string& name) -> absl::Status {
    ASSIGN_OR_RETURN(const ContainerView view, FindToChange(session, name));
    if (view.container.state() == cri::CONTAINER_RUNNING && !line.force) {
      return absl::FailedPreconditionError(
          absl::StrCat("container ", name, " is running; stop it (crisp stop ", name, "), or say -f"));
    }
    return RemoveOwn(session, view);
  });
}

// The same container if it was never started, else a new one.
absl::StatusOr<MadeContainer> Startable(Session& session, const ContainerView& view) {
  if (view.container.state() != cri::CONTAINER_CREATED) {
    if (view.own()) return RecreateOwn(session, view);
    return absl::FailedPreconditionError(
        absl::StrCat("container ", view.Name(), " is the kubelet's, which alone makes it anew"));
  }
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  MadeContainer made;
  made.name = view.Name();
  made.id = view.container.id();
  made.pod_id = view.container.pod_sandbox_id();
  ASSIGN_OR_RETURN(made.log, LogPathOf(runtime, made.id));
  return made;
}

absl::StatusOr<MadeContainer> StartOne(Session& session, const std::string& name) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ContainerView view, FindToChange(session, name));
  ASSIGN_OR_RETURN(MadeContainer made, Startable(session, view));
  RETURN_IF_ERROR(StartContainer(runtime, made.id), "start ", name);
  return made;
}

absl::StatusOr<int> Start(Session& session, const Line& line) {
  if (!line.attach) {
    return ForEach(line, [&](const std::string& name) -> absl::Status {
      ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
      ASSIGN_OR_RETURN(const ContainerView view, FindToChange(session, name));
      if (view.container.state() == cri::CONTAINER_RUNNING) return absl::OkStatus();
      (void)runtime;
      return StartOne(session, name).status();
    });
  }
  if (line.names.size() != 1) return absl::InvalidArgumentError("-a is for one container");
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const MadeContainer made, StartOne(session, line.names[0]));
  ASSIGN_OR_RETURN(const Followed end, FollowNew(runtime, made, line.interactive, line.interactive, line.detach_keys));
  return end.detached ? 0 : end.exit_code;
}

absl::StatusOr<int> Restart(Session& session, const Line& line) {
  return ForEach(line, [&](const std::string& name) -> absl::Status {
    ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
    ASSIGN_OR_RETURN(ContainerView view, FindToChange(session, name));
    if (!view.own()) return Startable(session, view).status();
    if (view.container.state() == cri::CONTAINER_RUNNING) RETURN_IF_ERROR(StopOwn(runtime, view, line.seconds));
    ASSIGN_OR_RETURN(const MadeContainer made, RecreateOwn(session, view));
    return Annotate(StartContainer(runtime, made.id), absl::StrCat("start ", name));
  });
}

absl::StatusOr<int> Wait(Session& session, const Line& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  for (const std::string& name : line.names) {
    ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, name));
    ASSIGN_OR_RETURN(const int code, ContainerEnd(runtime, view.container.id()).Wait(), "wait for ", name);
    Out(absl::StrCat(code, "\n"));
  }
  return 0;
}

using Act = absl::StatusOr<int> (*)(Session&, const Line&);

std::pair<CLI::App*, Line*> AddVerb(VerbTree* tree, CLI::App& parent, const char* name, const char* text, Act act) {
  const auto line = std::make_shared<Line>();
  CLI::App* const verb = tree->Add(parent, name, text, [line, act](Session& session) { return act(session, *line); });
  verb->add_option("CONTAINER", line->names, "Names or ids")->required();
  return {verb, line.get()};
}

void AddGrace(CLI::App* verb, Line* line) {
  verb->add_option("-t,--time", line->seconds, "Between the stop signal and SIGKILL")
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

constexpr char kAnew[] =
    R"(CRI cannot start a container a second time: one that has run is made anew from its recorded options, with the same
name and another id. Its volumes stay; what it wrote to its own root is lost.)";

void AddAll(VerbTree* tree, CLI::App& parent) {
  const auto [start, start_line] = AddVerb(tree, parent, "start", "Start containers that do not run", &Start);
  start->footer(kAnew);
  start->add_flag("-a,--attach", start_line->attach, "Stay with it and show its output");
  start->add_flag("-i,--interactive", start_line->interactive, "With -a: pass on input too");
  const auto [stop, stop_line] = AddVerb(tree, parent, "stop", "Stop containers", &Stop);
  AddGrace(stop, stop_line);
  const auto [restart, restart_line] = AddVerb(tree, parent, "restart", "Stop and start containers", &Restart);
  restart->footer(kAnew);
  AddGrace(restart, restart_line);
  const auto [kill, kill_line] = AddVerb(tree, parent, "kill", "Send containers a signal, SIGKILL by default", &Kill);
  kill->add_option("-s,--signal", kill_line->signal, "As TERM, SIGHUP or 15")->type_name("SIGNAL");
  const auto [remove, remove_line] = AddVerb(tree, parent, "rm", "Remove containers", &Remove);
  remove->add_flag("-f,--force", remove_line->force, "Also those that run");
  remove->add_flag("-v,--volumes", remove_line->volumes, "Has no meaning: volumes without a name always go")->group("");
  AddVerb(tree, parent, "wait", "Wait until containers have exited, and print their exit codes", &Wait);
}

}  // namespace

void AddLifeVerbs(VerbTree* tree) {
  AddAll(tree, tree->root());
  AddAll(tree, tree->Group("container", "Containers: the commands of crisp on them"));
  CLI::App& root = tree->root();
  VerbTree::Refuse(root, "pause", "CRI has no call to freeze a container");
  VerbTree::Refuse(root, "unpause", "CRI has no call to freeze a container");
  VerbTree::Refuse(root, "rename", "CRI has no call for it; make the container anew with crisp run --name");
  VerbTree::Refuse(root, "commit", "CRI has no call for it; build images by buildah or buildkit");
  VerbTree::Refuse(root, "build", "crisp runs images and does not build them; use buildah or buildkit, and crisp pull");
  VerbTree::Refuse(root, "push", "crisp does not keep the packed layers of images; push by skopeo or buildah");
  VerbTree::Refuse(root, "login", "crisp reads docker's ~/.docker/config.json; write it by skopeo login");
  VerbTree::Refuse(root, "network", "networks are those of CNI, in /etc/cni/net.d");
  VerbTree::Refuse(root, "swarm", "use Kubernetes");
}

}  // namespace crisp::client
