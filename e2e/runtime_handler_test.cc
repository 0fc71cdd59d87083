// Runtime handlers: what the daemon finds out of each OCI runtime, and what it says of one that is missing or unsafe.
#include <sys/resource.h>

#include <filesystem>

#include "absl/strings/str_replace.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

// Only an update of runc closes its holes CVE-2024-21626, CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881.
class RuntimesTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options;
    options.pull_images = false;
    for (const char* version : {"1.1.5", "1.2.9"}) {
      const std::string name = "version-" + std::string(version);
      const std::string path = machine.directory + "/" + name;
      WriteScript(path, "#!/bin/sh\n[ $1 = --version ] && echo runc version " + std::string(version) + "\n");
      options.extra_toml += HandlerToml(name, path);
    }
    options.extra_toml += HandlerToml("missing", "runc-that-is-missing");
    options.extra_toml += HandlerToml("absent", "/nowhere/runc");
    options.extra_toml +=
        "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.kata]\nruntime_type = \"io.containerd.kata.v2\"\n"
        "options.ConfigPath = \"/opt/kata.toml\"\n";
    return options;
  }
};

TEST_F(RuntimesTest, AMissingRuntimeFailsOnlyItsOwnPods) {
  EXPECT_THAT(node().Log(),
              HasSubstr("a runtime cannot be used runtime=missing error=\"no program runc-that-is-missing"));
  const auto refused = cri().RunPod(PodConfig("refused"), kCallTimeout, "missing");
  EXPECT_THAT(refused.text(), HasSubstr("runc-that-is-missing"));
  EXPECT_THAT(node().Log(), HasSubstr("a runtime cannot be used runtime=absent error=\"no program /nowhere/runc"));
  EXPECT_THAT(cri().RunPod(PodConfig("refused"), kCallTimeout, "absent").text(), HasSubstr("/nowhere/runc"));
  EXPECT_THAT(Pods(), IsEmpty());
}

TEST_F(RuntimesTest, ARuntimeWithAnotherShimIsNamedOnceAndRefusesItsPods) {
  const std::string log = node().Log();
  const size_t named = log.find("kata");
  ASSERT_NE(named, std::string::npos);
  EXPECT_EQ(log.find("kata", log.find('\n', named)), std::string::npos) << log;
  EXPECT_THAT(log, HasSubstr("a shim that crisp cannot drive"));
  const auto refused = cri().RunPod(PodConfig("refused"), kCallTimeout, "kata");
  EXPECT_EQ(refused.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.text(), AllOf(HasSubstr("no pod can run on the runtime \"kata\""),
                                    HasSubstr("runtime_type = \"io.containerd.kata.v2\" is a shim")));
  EXPECT_THAT(Pods(), IsEmpty());
}

TEST_F(RuntimesTest, AVulnerableVersionIsNamedAtStart) {
  const std::string log = node().Log();
  EXPECT_THAT(log, AllOf(HasSubstr("has patched it runtime=version-1.1.5 version=1.1.5 "),
                         Not(HasSubstr("patched it runtime=version-1.2.9"))));
  EXPECT_THAT(log, HasSubstr("CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881"));
}

// A version 4 file, as of containerd 2.3, and an administrator's drop-in that adds to its runtime.
class DropInTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.config = [](const NodePaths& paths) {
      fs::create_directories(paths.directory() + "/conf.d");
      WriteFile(paths.directory() + "/conf.d/50-own.toml", DropIn(paths.directory()));
      WriteFile(paths.directory() + "/base.json",
                R"({"process":{"rlimits":[{"type":"RLIMIT_NOFILE","soft":765,"hard":4321}]}})");
      WriteScript(paths.directory() + "/nvidia-container-runtime",
                  "#!/bin/sh\necho \"$@\" >> " + paths.directory() + "/nvidia.log\nexec " + paths.runc() + " \"$@\"\n");
      WriteFile(paths.directory() + "/conf.d/99-nvidia.toml", NvidiaDropIn(paths.directory()));
      WriteFile(paths.directory() + "/strict.json", R"({"linux":{"sysctl":{"kernel.shm_rmid_forced":"1"}}})");
      const std::string runtime = "[plugins.'io.containerd.cri.v1.runtime'";
      return "version = 4\nimports = ['conf.d/*.toml']\nroot = '" + paths.root_parent() + "'\nstate = '" +
             paths.state_parent() + "'\n[crisp]\nshim = '" CRISP_SHIM "'\n[debug]\nlevel = 'debug'\n" +
             "[plugins.'io.containerd.server.v1.grpc']\naddress = '" + paths.socket() + "'\n" + runtime +
             ".cni]\nbin_dirs = ['" + paths.cni_bin_dir() + "']\nconf_dir = '" + paths.cni_conf_dir() + "'\n" +
             runtime + ".containerd.runtimes.runc.options]\nBinaryName = '" + paths.runc() +
             "'\nSystemdCgroup = " + (WithSystemd() ? "true" : "false") +
             "\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = '" + kPause +
             "'\n[plugins.'io.containerd.cri.v1.images'.registry.mirrors.'*']\nendpoint = ['http://127.0.0.1:5000']\n";
    };
    return options;
  }

  static std::string DropIn(const std::string& directory) {
    return absl::StrReplaceAll(R"(version = 3
[plugins."io.containerd.cri.v1.runtime"]
  disable_proc_mount = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  pod_annotations = ["com.example.*"]
  container_annotations = ["exact"]
  cni_conf_dir = "DIR/own.d"
  base_runtime_spec = "DIR/base.json"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.strict]
  base_runtime_spec = "DIR/strict.json"
)",
                               {{"DIR", directory}});
  }
  // With the keys that NVIDIA's toolkit writes; the program is a stand-in.
  static std::string NvidiaDropIn(const std::string& directory) {
    return absl::StrReplaceAll(R"(version = 3
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia]
  privileged_without_host_devices = false
  runtime_engine = ""
  runtime_root = ""
  runtime_type = "io.containerd.runc.v2"
  options = {BinaryName = "DIR/nvidia-container-runtime", SystemdCgroup = SYSTEMD}
)",
                               {{"DIR", directory}, {"SYSTEMD", WithSystemd() ? "true" : "false"}});
  }
  static std::string OwnNetworks(const NodePaths& paths) { return paths.directory() + "/own.d"; }
};

TEST_F(DropInTest, ItsKeysOfTheRuntimeReachPods) {
  const auto early = cri().RunPod(PodConfig("early"));
  EXPECT_THAT(node().Log(), HasSubstr("network of a runtime is not ready runtime=runc"));
  EXPECT_THAT(early.text(), HasSubstr("no CNI configuration in " + OwnNetworks(node().paths())));
  fs::copy(node().paths().cni_conf_dir(), OwnNetworks(node().paths()));

  cri::PodSandboxConfig config = PodConfig("noted");
  (*config.mutable_annotations())["com.example.a"] = "of the pod";
  (*config.mutable_annotations())["com.other"] = "not named";
  const PodRef pod = RunPod(config);
  cri::ContainerConfig container = ContainerOf("main", "sleep 1000");
  (*container.mutable_annotations())["exact"] = "of the container";
  container.mutable_linux()->mutable_security_context()->clear_masked_paths();
  const std::string id = Start(pod, container);
  rlimit limit{};
  ASSERT_EQ(prlimit(PidOf(id), RLIMIT_NOFILE, nullptr, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 765u);
  EXPECT_EQ(limit.rlim_max, 4321u);
  const std::string spec = ReadFile(node().paths().spec(pod.id, id));
  EXPECT_THAT(spec, AllOf(HasSubstr(R"("com.example.a":"of the pod")"), HasSubstr(R"("exact":"of the container")"),
                          Not(HasSubstr("com.other")), HasSubstr(R"("/proc/kcore")")));
  EXPECT_THAT(ReadFile(node().paths().spec(pod.id, pod.id)), HasSubstr(R"("com.example.a":"of the pod")"));
}

TEST_F(DropInTest, ARuntimeThatItAddsRunsPods) {
  const PodRef pod = RunPod(PodConfig("gpu"), "nvidia");
  const std::string id = Start(pod, ContainerOf("main", "sleep 1000"));
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
  EXPECT_THAT(ReadFile(node().paths().directory() + "/nvidia.log"), AllOf(HasSubstr("create"), HasSubstr(id)));
  EXPECT_THAT(node().Log(), Not(HasSubstr("has no effect")));
}

// What it says may be what confines the containers.
TEST_F(DropInTest, ARuntimeWithABaseThatCrispCannotFollowRefusesItsPods) {
  EXPECT_THAT(node().Log(), HasSubstr("a runtime cannot be used runtime=strict error=\"base_runtime_spec "));
  const auto refused = cri().RunPod(PodConfig("refused"), kCallTimeout, "strict");
  EXPECT_EQ(refused.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.text(), HasSubstr("linux.sysctl.kernel.shm_rmid_forced is not honoured"));
  EXPECT_THAT(Pods(), IsEmpty());
}

}  // namespace
}  // namespace crisp::e2e
