// exec, attach, logs.
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/container_end.h"
#include "client/follow.h"
#include "client/human.h"
#include "client/log_reader.h"
#include "client/own_container.h"
#include "client/stream_client.h"
#include "client/terminal.h"
#include "client/verbs.h"

namespace crisp::client {
namespace {

struct ExecLine {
  std::vector<std::string> words, environment;
  bool interactive = false, terminal = false, detach = false;
  std::string user, working_dir, detach_keys = DetachKeys::kDefault;
};

// CRI's exec has a command only; variables and the directory are set by programs that any image has.
std::vector<std::string> CommandOf(const ExecLine& line) {
  std::vector<std::string> command(line.words.begin() + 1, line.words.end());
  if (!command.empty() && command[0] == "--") command.erase(command.begin());  // as kubectl has it
  if (!line.environment.empty()) {
    command.insert(command.begin(), line.environment.begin(), line.environment.end());
    command.insert(command.begin(), "env");
  }
  if (!line.working_dir.empty()) {
    const std::vector<std::string> shell = {"sh", "-c", "cd \"$0\" && exec \"$@\"", line.working_dir};
    command.insert(command.begin(), shell.begin(), shell.end());
  }
  return command;
}

absl::StatusOr<int> Exec(Session& session, const ExecLine& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, line.words[0]));
  const std::vector<std::string> command = CommandOf(line);
  if (command.empty()) return absl::InvalidArgumentError("exec needs a command behind the container, as sh");
  if (line.terminal && line.interactive && !IsTerminal(STDIN_FILENO)) {
    return absl::InvalidArgumentError("-t needs a terminal, and standard input is none; leave out -t");
  }
  cri::ExecRequest request;
  request.set_container_id(view.container.id());
  for (const std::string& word : command) request.add_cmd(word);
  request.set_stdin(line.interactive);
  request.set_tty(line.terminal);
  request.set_stdout(true);
  request.set_stderr(!line.terminal);
  ASSIGN_OR_RETURN(const cri::ExecResponse exec, runtime->Call(request), "exec in ", view.Name());
  StreamOptions options;
  options.input = line.interactive ? STDIN_FILENO : -1;
  options.terminal = line.terminal && line.interactive;
  options.detach_keys = line.detach_keys;
  absl::StatusOr<StreamEnd> end;
  {
    std::unique_ptr<RawMode> raw;
    if (options.terminal) raw = std::make_unique<RawMode>(STDIN_FILENO);
    end = RunStream(exec.url(), options);
  }
  if (!end.ok()) {
    Err(absl::StrCat("crisp: exec in ", view.Name(), ": ", end.status().message(), "\n"));
    return ExitStatusOf(end.status());
  }
  return end->detached ? 0 : end->exit_code.value_or(kExitFailure);
}

struct AttachLine {
  std::string name, detach_keys = DetachKeys::kDefault;
  bool no_input = false;
};

// What its configuration says of its standard input and terminal, as far as the runtime tells it.
absl::StatusOr<int> AttachTo(Session& session, const AttachLine& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, line.name));
  ASSIGN_OR_RETURN(const auto status, StatusOf(runtime, view.container.id(), true));
  const nlohmann::ordered_json info = InfoOf(status.info());
  const auto flag = [&info](const char* key) {
    const nlohmann::ordered_json::json_pointer path(absl::StrCat("/config/", key));
    return info.is_object() && info.contains(path) && info[path].is_boolean() && info[path].get<bool>();
  };
  ASSIGN_OR_RETURN(const Followed end, Attach(runtime, view.container.id(), flag("stdin") && !line.no_input,
                                              flag("tty"), line.detach_keys));
  return end.detached ? 0 : end.exit_code;
}

struct LogsLine {
  std::string name, since, until, tail = "all";
  bool follow = false, timestamps = false;
};

absl::StatusOr<LogOptions> OptionsOf(const LogsLine& line) {
  LogOptions options;
  options.follow = line.follow;
  if (!line.since.empty()) {
    ASSIGN_OR_RETURN(options.since, ParseTime(line.since, Now()), "--since");
  }
  if (!line.until.empty()) {
    ASSIGN_OR_RETURN(options.until, ParseTime(line.until, Now()), "--until");
  }
  if (line.tail != "all") {
    size_t count = 0;
    if (!absl::SimpleAtoi(line.tail, &count)) {
      return absl::InvalidArgumentError(absl::StrCat("--tail ", line.tail, " is no number of lines, and not all"));
    }
    options.tail = count;
  }
  return options;
}

absl::StatusOr<int> Logs(Session& session, const LogsLine& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, line.name));
  ASSIGN_OR_RETURN(const LogOptions options, OptionsOf(line));
  ASSIGN_OR_RETURN(const std::string path, LogPathOf(runtime, view.container.id()));
  ContainerEnd end(runtime, view.container.id());
  RETURN_IF_ERROR(ReadLog(
      path, options, end.fd(), [&end] { return end.Reached(); },
      [&line](const LogLine& text) {
        const std::string whole = line.timestamps ? absl::StrCat(Rfc3339(text.time), " ", text.text) : text.text;
        text.error ? Err(whole) : Out(whole);
      }));
  return 0;
}

void AddExec(VerbTree* tree, CLI::App& parent) {
  const auto line = std::make_shared<ExecLine>();
  CLI::App* const exec = tree->AddPassing(parent, "exec", "Run a command in a running container",
                                          [line](Session& session) { return Exec(session, *line); });
  exec->add_flag("-i,--interactive", line->interactive, "Pass on standard input");
  exec->add_flag("-t,--tty", line->terminal, "Give it a terminal");
  exec->add_option("-e,--env", line->environment, "A variable, by env(1) of the image")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  exec->add_option("-w,--workdir", line->working_dir, "Where it starts, by sh(1) of the image")->type_name("DIR");
  exec->add_option("--detach-keys", line->detach_keys, "Keys that leave it running")
      ->type_name("KEYS")
      ->capture_default_str();
  exec->add_option("CONTAINER", line->words, "The container, and a command")->required()->type_name("COMMAND...");
  VerbTree::RefuseFlag(exec, "-d,--detach", "CRI ends a command whose client leaves; start it by nohup in a shell");
  VerbTree::RefuseOption(exec, "-u,--user", "CRI's exec has no user; use su of the image");
  VerbTree::RefuseFlag(exec, "--privileged", "CRI's exec has the container's capabilities");
}

void AddAttach(VerbTree* tree, CLI::App& parent) {
  const auto line = std::make_shared<AttachLine>();
  CLI::App* const attach = tree->Add(parent, "attach", "Join the input and output of a running container",
                                     [line](Session& session) { return AttachTo(session, *line); });
  attach->add_flag("--no-stdin", line->no_input, "Output only");
  attach->add_option("--detach-keys", line->detach_keys, "Keys that leave it running")
      ->type_name("KEYS")
      ->capture_default_str();
  attach->add_option("CONTAINER", line->name, "Its name or id")->required();
}

void AddLogs(VerbTree* tree, CLI::App& parent) {
  const auto line = std::make_shared<LogsLine>();
  CLI::App* const logs = tree->Add(parent, "logs", "Show what a container has written",
                                   [line](Session& session) { return Logs(session, *line); });
  logs->add_flag("-f,--follow", line->follow, "Go on until it has exited");
  logs->add_flag("-t,--timestamps", line->timestamps, "With the time of each line");
  logs->add_option("--since", line->since, "As 10m, or 2026-11-30T19:44:00Z")->type_name("TIME");
  logs->add_option("--until", line->until, "Likewise")->type_name("TIME");
  logs->add_option("-n,--tail", line->tail, "Only the last lines; all by default")->type_name("COUNT");
  logs->add_option("CONTAINER", line->name, "Its name or id")->required();
}

}  // namespace

void AddStreamVerbs(VerbTree* tree) {
  for (CLI::App* parent : {&tree->root(), &tree->Group("container", "Containers: the commands of crisp on them")}) {
    AddExec(tree, *parent);
    AddAttach(tree, *parent);
    AddLogs(tree, *parent);
  }
}

}  // namespace crisp::client
