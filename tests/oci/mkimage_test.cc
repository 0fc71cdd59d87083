// The two programs that make the pause image, run as a script runs them.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "os/file.h"
#include "os/process.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::HasSubstr;

CommandResult Mkimage(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandResult> result = RunCommand({CRISP_MKIMAGE, args, {}, "", 1 << 20}, CallContext());
  EXPECT_TRUE(result.ok()) << result.status();
  return result.value_or(CommandResult());
}

class MkimageTest : public testing::Test {
 protected:
  const TestDir temporary_;
  const std::string directory_ = temporary_.path();
};

TEST_F(MkimageTest, MakesThePauseImage) {
  const CommandResult result = Mkimage({directory_, "registry.k8s.io/pause:3.6", "--file",
                                        absl::StrCat(CRISP_PAUSE, ":/pause:0755"), "--entrypoint", "/pause"});
  ASSERT_TRUE(result.ok()) << result.Describe();
  EXPECT_THAT(result.output, HasSubstr("registry.k8s.io/pause:3.6@sha256:"));
  const absl::StatusOr<std::string> index = ReadFileAt(AT_FDCWD, directory_ + "/index.json", 1 << 20);
  ASSERT_TRUE(index.ok());
  EXPECT_THAT(*index, HasSubstr("registry.k8s.io/pause:3.6"));
}

TEST_F(MkimageTest, HardLinksComeAfterTheirFile) {
  const CommandResult result =
      Mkimage({directory_, "a:1", "--compression", "none", "--hardlink", "/bin/last:/bin/first", "--file",
               absl::StrCat(CRISP_PAUSE, ":/bin/last"), "--hardlink", "bin/last:other/link"});
  ASSERT_TRUE(result.ok()) << result.Describe();
  std::string layer;
  for (const auto& blob : std::filesystem::directory_iterator(directory_ + "/blobs/sha256")) {
    const absl::StatusOr<std::string> data = ReadFileAt(AT_FDCWD, blob.path().string(), 1 << 26);
    ASSERT_TRUE(data.ok()) << data.status();
    if (data->size() > layer.size()) layer = *data;
  }
  const size_t file = layer.find("bin/last");
  ASSERT_NE(file, std::string::npos);
  EXPECT_LT(file, layer.find("bin/first"));
  EXPECT_NE(layer.find("other/link"), std::string::npos);
}

TEST_F(MkimageTest, WrongArgumentsAreNamedAndExitWithTwo) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {directory_},
                                                       {directory_, "a:1", "--unheard-of", "x"},
                                                       {directory_, "a:1", "--cmd"},
                                                       {directory_, "a:1", "--dir", "/a:9"},
                                                       {directory_, "a:1", "--symlink", "a"},
                                                       {directory_, "a:1", "--hardlink", "a"},
                                                       {directory_, "a:1", "--format", "tarball"}};
  for (const std::vector<std::string>& args : wrong) {
    const CommandResult result = Mkimage(args);
    EXPECT_EQ(result.exit_code, 2) << result.error_output;
    EXPECT_THAT(result.error_output, HasSubstr("crisp-mkimage: "));
  }
}

TEST_F(MkimageTest, FileThatIsNotThereIsNamed) {
  const CommandResult result = Mkimage({directory_, "a:1", "--file", "/no/such/file:/x"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("/no/such/file"));
}

// The exit status of pause after `signal`, or -1 if it has not ended after five seconds.
int EndPauseWith(int signal) {
  absl::StatusOr<Child> child = SpawnDetached(CRISP_PAUSE, {}, {}, {-1, -1, -1});
  EXPECT_TRUE(child.ok()) << child.status();
  if (!child.ok()) return -1;
  const Pidfd& pause = child->pidfd;
  EXPECT_FALSE(pause.WaitUntil(MonoClock::now() + std::chrono::milliseconds(100))) << "pause did not wait";
  pause.Signal(signal);
  if (!pause.WaitUntil(MonoClock::now() + std::chrono::seconds(5))) pause.Signal(SIGKILL);
  return pause.Reap().value_or(ExitStatus()).code;
}

TEST(PauseTest, WaitsAndEndsWithZeroOnTermAndInt) {
  EXPECT_EQ(EndPauseWith(SIGTERM), 0);
  EXPECT_EQ(EndPauseWith(SIGINT), 0);
}

}  // namespace
}  // namespace crisp
