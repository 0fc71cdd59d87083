// Runtime handlers: what the daemon finds out of each OCI runtime, and what it says of one that is missing or unsafe.
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

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
  EXPECT_THAT(node().Log(), HasSubstr("a runtime is missing runtime=missing error=\"no program runc-that-is-missing"));
  const auto refused = cri().RunPod(PodConfig("refused"), kCallTimeout, "missing");
  EXPECT_THAT(refused.text(), HasSubstr("runc-that-is-missing"));
  EXPECT_THAT(node().Log(), HasSubstr("a runtime is missing runtime=absent error=\"no program /nowhere/runc"));
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

}  // namespace
}  // namespace crisp::e2e
