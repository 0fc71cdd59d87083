// Files that import others: real files in a directory of their own.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/load_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class ImportsTest : public testing::Test {
 protected:
  ImportsTest() {
    char name[] = "/tmp/crisp-imports-XXXXXX";
    directory_ = mkdtemp(name);
    std::filesystem::create_directory(directory_ + "/conf.d");
  }
  ~ImportsTest() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, const std::string& content) { std::ofstream(directory_ + "/" + name) << content; }

  absl::StatusOr<Config> Load() {
    warnings_.clear();
    return LoadConfig(directory_ + "/main.toml", &warnings_);
  }

  std::string Error() {
    const absl::Status status = Load().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }

  std::string directory_;
  std::vector<std::string> warnings_;
};

// The form in which NVIDIA's toolkit adds its runtime.
TEST_F(ImportsTest, ADropInAddsARuntimeAndChangesTheDefault) {
  Write("main.toml", R"(version = 3
imports = ["conf.d/*.toml"]
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
    SystemdCgroup = true
)");
  Write("conf.d/99-nvidia.toml", R"(version = 2
[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "nvidia"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
      BinaryName = "/usr/bin/nvidia-container-runtime"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    NoNewKeyring = true
)");
  const absl::StatusOr<Config> config = Load();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(config->default_runtime_name, "nvidia");
  EXPECT_EQ(config->runtimes.at("nvidia").binary_name, "/usr/bin/nvidia-container-runtime");
  EXPECT_TRUE(config->runtimes.at("runc").systemd_cgroup);
  EXPECT_TRUE(config->runtimes.at("runc").no_new_keyring);
  EXPECT_TRUE(config->security.enable_unprivileged_ports) << "the defaults are those of the main file's version";
}

// As containerd merges the tables of its plugins: a later list stands in the place of an earlier one.
TEST_F(ImportsTest, WhatALaterFileSaysCounts) {
  const std::string registry = "[plugins.'io.containerd.grpc.v1.cri'.registry]\n";
  Write("main.toml", "version = 2\nimports = ['conf.d/*.toml', 'last.toml']\ndebug.level = 'warn'\n" + registry +
                         "mirrors.a.endpoint = ['https://h1']\nmirrors.b.endpoint = ['https://h1']\nheaders.X = ['1']\n"
                         "[plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dir = '/1'\n");
  Write("conf.d/20.toml", "version = 2\ndebug.level = 'error'\n" + registry + "mirrors.a.endpoint = ['https://h2']\n");
  Write("conf.d/10.toml", "version = 2\ndebug.level = 'debug'\nimports = ['../deep.toml']\n" + registry +
                              "mirrors.a.endpoint = ['https://h3']\nmirrors.c.endpoint = ['https://h3']\n");
  Write("conf.d/10.toml.old", "this is not read");
  Write("last.toml", "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dirs = ['/2']\n");
  Write("deep.toml", "version = 2\n" + registry + "mirrors.c.endpoint = ['https://h4']\nheaders.X = ['2']\n");
  const absl::StatusOr<Config> config = Load();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(config->log_level, LogLevel::kError);
  EXPECT_THAT(config->registry.mirrors,
              UnorderedElementsAre(Pair("a", ElementsAre("https://h2")), Pair("b", ElementsAre("https://h1")),
                                   Pair("c", ElementsAre("https://h4"))));
  EXPECT_THAT(config->registry.headers, ElementsAre(Pair("X", "2")));
  EXPECT_THAT(config->cni.bin_dirs, ElementsAre("/2"));
}

TEST_F(ImportsTest, WarningsAndErrorsNameTheFileThatTheyAreIn) {
  Write("main.toml", "version = 2\nzebra = 1\nimports = ['conf.d/*.toml']");
  Write("conf.d/a.toml", "version = 2\n\napple = 1");
  ASSERT_TRUE(Load().ok());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("/main.toml:2: zebra"), HasSubstr("/conf.d/a.toml:3: apple")));
  Write("conf.d/a.toml", "version = 2\ngrpc.uid = -1");
  EXPECT_THAT(Error(), HasSubstr("/conf.d/a.toml:2: grpc.uid: expected 0 to"));
  Write("conf.d/a.toml", "version = 2\nbad");
  EXPECT_THAT(Error(), HasSubstr("/conf.d/a.toml:2: not valid TOML"));
  Write("conf.d/a.toml", "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dir = '/a'\nbin_dirs = ['/b']");
  EXPECT_THAT(Error(), HasSubstr("/conf.d/a.toml: cni.bin_dir and cni.bin_dirs are both set"));
}

TEST_F(ImportsTest, ACycleIsAnErrorThatNamesItsFiles) {
  Write("main.toml", "version = 2\nimports = ['conf.d/a.toml']");
  Write("conf.d/a.toml", "version = 2\nimports = ['b.toml']");
  std::filesystem::create_symlink("../main.toml", directory_ + "/conf.d/link.toml");
  Write("conf.d/b.toml", "version = 2\n\nimports = ['link.toml']");
  const std::string d = directory_;
  EXPECT_EQ(Error(), d + "/conf.d/b.toml:3: imports: the files import each other: " + d + "/main.toml -> " + d +
                         "/conf.d/a.toml -> " + d + "/conf.d/b.toml -> " + d + "/conf.d/link.toml");
  Write("main.toml", "version = 2\nimports = ['main.toml']");
  EXPECT_THAT(Error(), HasSubstr("import each other"));
}

// Whichever of the two is read first has been read when the other names it.
TEST_F(ImportsTest, ACycleIsFoundWhereTheMainFileImportsAllOfIt) {
  Write("main.toml", "version = 2\nimports = ['b.toml', 'c.toml']");
  Write("b.toml", "version = 2\nimports = ['c.toml']");
  Write("c.toml", "version = 2\nimports = ['b.toml']");
  EXPECT_THAT(Error(), HasSubstr("/c.toml:2: imports: the files import each other: " + directory_ + "/b.toml -> " +
                                 directory_ + "/c.toml -> " + directory_ + "/b.toml"));
}

TEST_F(ImportsTest, AFileMayBeImportedTwiceAndMatchItsOwnGlob) {
  Write("main.toml", "version = 2\nimports = ['*.toml', 'other.toml']");
  Write("other.toml", "version = 2\noops = 1");
  ASSERT_TRUE(Load().ok());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("other.toml:2: oops")));
}

TEST_F(ImportsTest, AGlobMayMatchNothingButANameMustBeThere) {
  Write("main.toml", "version = 2\nimports = ['" + directory_ + "/nowhere/*.toml', 'conf.d/*']");
  EXPECT_TRUE(Load().ok());
  EXPECT_THAT(warnings_, IsEmpty());
  Write("main.toml", "version = 2\nimports = ['nowhere.toml']");
  EXPECT_THAT(Error(), AllOf(HasSubstr("/main.toml:2: imports: there is no file"), HasSubstr("/nowhere.toml")));
  Write("main.toml", "version = 2\nimports = ['']");
  EXPECT_THAT(Error(), HasSubstr(":2: imports: expected paths of files"));
}

}  // namespace
}  // namespace crisp
