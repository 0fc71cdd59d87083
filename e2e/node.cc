#include "e2e/node.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "e2e/configs.h"
#include "e2e/files.h"
#include "e2e/wait.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

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

std::string MirrorsToml(const std::vector<std::string>& endpoints) {
  std::string toml;
  for (const std::string host : {"docker.io", "registry.k8s.io", "registry.cn-hangzhou.aliyuncs.com"}) {
    toml += "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"" + host + "\"]\n" +
            "endpoint = " + Quoted(endpoints) + "\n";
  }
  return toml;
}

std::string ConflistPath(const NodePaths& paths) {
  return paths.cni_conf_dir() + "/10-e2e.conflist";
}

}  // namespace

Node::Node(const Machine& machine, const NodeOptions& options)
    : paths_(machine.directory + "/node", options.state_parent),
      cgroup_parent_(machine.cgroup_parent),
      wrappers_(paths_.directory() + "/wrap") {
  fs::remove_all(paths_.directory());
  fs::remove_all(paths_.state_parent());
  MakeDirectory(paths_.root());
  MakeDirectory(paths_.logs());
  MakeDirectory(paths_.cni_conf_dir());
  wrappers_.WriteRunc(paths_.runc());
  wrappers_.WritePlugins(paths_.cni_bin_dir());
  if (options.config) {
    WriteFile(paths_.config_file(), options.config(paths_));
  } else {
    WriteConfig(options);
  }
  if (options.cni_config) WriteCniConfig();
  registry_ = std::make_unique<Registry>(paths_.directory(), Store().directory, kRegistryPort, true);
}

void Node::WriteConfig(const NodeOptions& options) {
  const bool has_debug = options.extra_toml.find("[debug]\n") != std::string::npos;  // a test's own
  std::ostringstream toml;
  toml << "version = 2\n"
       << "root = \"" << paths_.root_parent() << "\"\n"
       << "state = \"" << paths_.state_parent() << "\"\n"
       << "[crisp]\nshim = \"" << CRISP_SHIM << "\"\n"
       << "preload_dir = \"" << options.preload_dir << "\"\n"
       << options.crisp_toml << "[grpc]\naddress = \"" << paths_.socket() << "\"\n"
       << (has_debug ? "" : "[debug]\nlevel = \"debug\"\n") << "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
       << "sandbox_image = \"" << options.sandbox_image << "\"\n"
       << options.cri_toml << "[plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
       << "bin_dir = \"" << paths_.cni_bin_dir() << "\"\n"
       << "conf_dir = \"" << paths_.cni_conf_dir() << "\"\n"
       << options.cni_toml << "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n"
       << "default_runtime_name = \"runc\"\n"
       << HandlerToml("runc", paths_.runc())  // ends in the table of the handler's options
       << "SystemdCgroup = " << (WithSystemd() ? "true" : "false") << "\n"
       << MirrorsToml(options.endpoints) << options.extra_toml;
  WriteFile(paths_.config_file(), toml.str());
}

void Node::WriteCniConfig(const std::string& plugin, const std::string& last) {
  const std::string file = ConflistPath(paths_);
  WriteFile(file + ".new", R"({"cniVersion": "1.0.0", "name": "e2e", "plugins": [
  {"type": ")" + plugin + R"(", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true})" +
                               (last.empty() ? "" : ", {\"type\": \"" + last + "\"}") + "]}");
  fs::rename(file + ".new", file);  // crispd never sees half of it
}

void Node::RemoveCniConfig() {
  fs::remove(ConflistPath(paths_));
}

void Node::Start() {
  crispd_.Start(CRISP_CRISPD, {"--config", paths_.config_file()}, paths_.log());
  // A gRPC channel that has once found nobody there takes seconds to look again.
  const bool listens = Eventually([&] { return !crispd_.Running() || Listens(paths_.socket()); }, kStartLimit);
  if (!crispd_.Running()) throw std::runtime_error("crispd has ended at start, " + crispd_.End() + ":\n" + Log());
  cri_ = std::make_unique<Cri>(paths_.socket());
  if (!listens || !Eventually([&] { return cri_->Version().ok(); }, kStartLimit)) {
    throw std::runtime_error("crispd does not answer Version:\n" + Log());
  }
}

std::string Node::Log() const {
  return ReadFile(paths_.log());
}

Snapshot Node::Look(pid_t whose) const {
  return TakeSnapshot({paths_.root(), paths_.state(), cgroup_parent_, whose});
}

}  // namespace crisp::e2e
