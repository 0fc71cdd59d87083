#include "e2e/node.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "e2e/files.h"
#include "e2e/images.h"
#include "e2e/wait.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kRunc[] = "/usr/sbin/runc";
constexpr char kPlugins[] = "/usr/lib/cni";

// Common to both wrappers. $command is what was asked, $real the program that does it.
//   NAME.before, NAME.after  stall there while the file exists
//   NAME.kill                kill it after so many seconds
//   NAME.fail                print the file and exit with the status in NAME.code
constexpr char kWrapperBody[] = R"sh(
stall() {
  [ -e "$wrap/$command.$1" ] || return 0
  echo $$ > "$wrap/$command.pid.$$"
  mv "$wrap/$command.pid.$$" "$wrap/$command.stalled"
  while [ -e "$wrap/$command.$1" ]; do sleep 0.01; done
}
if [ -e "$wrap/$command.fail" ]; then
  cat "$wrap/$command.fail"
  exit "$(cat "$wrap/$command.code")"
fi
if [ -e "$wrap/$command.kill" ]; then
  "$real" "$@" <&0 &
  child=$!
  sleep "$(cat "$wrap/$command.kill")"
  kill -9 $child 2> /dev/null
  wait $child
  exit $?
fi
stall before
if [ -e "$wrap/$command.after" ]; then
  "$real" "$@"
  code=$?
  stall after
  exit $code
fi
exec "$real" "$@"
)sh";

constexpr std::chrono::seconds kStartLimit{40};  // crispd waits 20 s for a shim that hangs

bool Listens(const std::string& path) {
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::string Quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "\"" : ", \"") + word + "\"";
  return "[" + text + "]";
}

}  // namespace

Node::Node(const Machine& machine, const NodeOptions& options)
    : directory_(machine.directory + "/node"),
      state_parent_(options.state_parent),
      cgroup_parent_(machine.cgroup_parent) {
  fs::remove_all(directory_);
  fs::remove_all(state_parent_);
  MakeDirectory(root());
  MakeDirectory(logs());
  MakeDirectory(cni_conf_dir());
  WriteWrappers();
  if (options.config) {
    WriteFile(config_file(), options.config(*this));
  } else {
    WriteConfig(options);
  }
  if (options.cni_config) WriteCniConfig();
  registry_ = std::make_unique<Registry>(directory_, Store().directory, kRegistryPort, true);
}

void Node::WriteConfig(const NodeOptions& options) {
  std::ostringstream toml;
  toml << "version = 2\n"
       << "root = " << fs::path(root()).parent_path() << "\n"
       << "state = " << fs::path(state_parent_) << "\n"
       << "[crisp]\nshim = \"" << CRISP_SHIM << "\"\n"
       << "preload_dir = \"" << options.preload_dir << "\"\n"
       << "[grpc]\naddress = \"" << socket() << "\"\n"
       << "[debug]\nlevel = \"debug\"\n"
       << "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
       << "sandbox_image = \"" << options.sandbox_image << "\"\n"
       << options.cri_toml << "[plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
       << "bin_dir = \"" << cni_bin_dir() << "\"\n"
       << "conf_dir = \"" << cni_conf_dir() << "\"\n"
       << "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n"
       << "default_runtime_name = \"runc\"\n"
       << "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n"
       << "runtime_type = \"io.containerd.runc.v2\"\n"
       << "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n"
       << "BinaryName = \"" << directory_ << "/runc\"\n"
       << "SystemdCgroup = " << (WithSystemd() ? "true" : "false") << "\n";
  for (const char* host : {"docker.io", "registry.k8s.io", "registry.cn-hangzhou.aliyuncs.com"}) {
    toml << "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"" << host << "\"]\n"
         << "endpoint = " << Quoted(options.endpoints) << "\n";
  }
  WriteFile(config_file(), toml.str() + options.extra_toml);
}

void Node::WriteWrappers() {
  MakeDirectory(cni_bin_dir());
  for (const auto& plugin : fs::directory_iterator(kPlugins)) {
    fs::create_symlink(plugin.path(), cni_bin_dir() + "/" + plugin.path().filename().string());
  }
  const std::string head = "#!/bin/sh\nwrap=" + directory_ + "/wrap\n";
  MakeDirectory(directory_ + "/wrap");
  WriteScript(cni_bin_dir() + "/e2e-bridge",
              head + "command=$CNI_COMMAND\nreal=" + kPlugins + std::string("/bridge\n") + kWrapperBody);
  WriteScript(cni_bin_dir() + "/e2e-last",
              head + "command=last-$CNI_COMMAND\nreal=" + kPlugins + std::string("/tuning\n") + kWrapperBody);
  WriteScript(directory_ + "/runc",
              head + "real=" + kRunc +
                  "\ncommand=none\nfor word in \"$@\"; do\n"
                  "  [ $command = none ] || break\n"
                  "  case $word in create|start|exec|delete|kill|state|update) command=$word; break;; esac\ndone\n" +
                  kWrapperBody);
}

void Node::WriteCniConfig(const std::string& plugin, const std::string& last) {
  const std::string file = cni_conf_dir() + "/10-e2e.conflist";
  WriteFile(file + ".new", R"({"cniVersion": "1.0.0", "name": "e2e", "plugins": [
  {"type": ")" + plugin + R"(", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true})" +
                               (last.empty() ? "" : ", {\"type\": \"" + last + "\"}") + "]}");
  fs::rename(file + ".new", file);
}

void Node::RemoveCniConfig() {
  fs::remove(cni_conf_dir() + "/10-e2e.conflist");
}

void Node::Start() {
  crispd_.Start(CRISP_CRISPD, {"--config", config_file()}, directory_ + "/crispd.log");
  // A gRPC channel that has once found nobody there takes seconds to look again.
  const bool listens = Eventually(kStartLimit, [&] { return !crispd_.Running() || Listens(socket()); });
  if (!crispd_.Running()) throw std::runtime_error("crispd has ended at start, " + crispd_.End() + ":\n" + Log());
  cri_ = std::make_unique<Cri>(socket());
  if (!listens || !Eventually(kStartLimit, [&] { return cri_->Version().ok(); })) {
    throw std::runtime_error("crispd does not answer Version:\n" + Log());
  }
}

std::string Node::Log() const {
  return ReadFile(directory_ + "/crispd.log");
}

SnapshotScope Node::Scope() const {
  return {root(), state(), cgroup_parent_, {crispd_.pid()}};
}

Snapshot Node::Look() const {
  return TakeSnapshot(Scope());
}

void Node::Stall(const std::string& command, Moment moment) {
  fs::remove(Marker(command) + ".stalled");
  WriteFile(Marker(command) + (moment == Moment::kBefore ? ".before" : ".after"), "");
}

pid_t Node::WaitForStalled(const std::string& command) {
  WaitFor(command + " to be called and to stall", std::chrono::seconds(20),
          [&] { return FileExists(Marker(command) + ".stalled"); });
  return static_cast<pid_t>(std::stoi(ReadFile(Marker(command) + ".stalled")));
}

void Node::Release(const std::string& command) {
  for (const char* suffix : {".before", ".after", ".fail", ".code", ".kill", ".stalled"})
    fs::remove(Marker(command) + suffix);
}

void Node::ReleaseAll() {
  for (const auto& marker : fs::directory_iterator(directory_ + "/wrap")) fs::remove(marker);
}

void Node::KillAfter(const std::string& command, double seconds) {
  WriteFile(Marker(command) + ".kill", std::to_string(seconds));
}

void Node::Fail(const std::string& command, const std::string& output, int code) {
  WriteFile(Marker(command) + ".code", std::to_string(code));
  WriteFile(Marker(command) + ".fail", output);
}

}  // namespace crisp::e2e
