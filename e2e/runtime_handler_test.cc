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
    return options;
  }
};

TEST_F(RuntimesTest, OneThatIsMissingFailsItsOwnPodsOnly) {
  EXPECT_THAT(node().Log(), HasSubstr("a runtime is missing runtime=missing error=\"no program runc-that-is-missing"));
  const auto refused = cri().RunPod(PodConfig("refused"), kCallTimeout, "missing");
  EXPECT_THAT(refused.text(), HasSubstr("runc-that-is-missing"));
  EXPECT_THAT(Pods(), IsEmpty());
}

TEST_F(RuntimesTest, ItsHandlerVersionAndHolesAreNamedAtStart) {
  const std::string log = node().Log();
  EXPECT_THAT(log, AllOf(HasSubstr("has patched it runtime=version-1.1.5 version=1.1.5 "),
                         Not(HasSubstr("patched it runtime=version-1.2.9"))));
  EXPECT_THAT(log, HasSubstr("CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881"));
}

}  // namespace
}  // namespace crisp::e2e
