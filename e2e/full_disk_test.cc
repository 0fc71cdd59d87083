// A node whose file system is full or read-only: everything can still be stopped and removed, which frees space, new
// work is refused with the reason, and crispd starts. The file systems are real: ext4 in files of their own.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr char kSleep[] = "trap 'exit 0' TERM; while :; do sleep 0.05; done";

// The root directory of crispd is on an ext4 of its own.
class FullDiskTest : public NodeTest {
 protected:
  void Begin() override { MountRoot({}); }

  void TearDown() override {
    if (mounted_) {
      node().Terminate();
      Unmount();
      node().Start();
    }
    NodeTest::TearDown();
  }

  // `mkfs_options`: such as a number of inodes.
  void MountRoot(const std::vector<std::string>& mkfs_options) {
    if (mounted_) {
      node().Terminate();
      Unmount();
    } else {
      node().Terminate();
    }
    MakeDirectory(Below());
    e2e::Run("/bin/mount", {"-t", "tmpfs", "-o", "size=128M", "tmpfs", Below()});
    const std::string image = Below() + "/disk";
    e2e::Run("/usr/bin/truncate", {"--size=96M", image});
    std::vector<std::string> arguments = {"-q", "-F", "-m", "0"};
    arguments.insert(arguments.end(), mkfs_options.begin(), mkfs_options.end());
    arguments.push_back(image);
    e2e::Run("/sbin/mkfs.ext4", arguments);
    e2e::Run("/bin/mount", {"-o", "loop", image, node().paths().root()});
    mounted_ = true;
    node().Start();
    Must(cri().Pull(kPause));
    Must(cri().Pull(kBusybox));
  }

  void Unmount() {
    e2e::Run("/bin/umount", {node().paths().root()});
    e2e::Run("/bin/umount", {Below()});
    rmdir(Below().c_str());
    mounted_ = false;
  }

  // The file system of the disk.
  std::string Below() { return node().paths().directory() + "/below"; }
  std::string Filler() { return node().paths().root() + "/filler"; }

  static void FillWith(const std::string& file) {
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (size_t size = 1 << 20; size >= 512; size /= 2) {
      const std::string block(size, 'x');
      while (write(fd, block.data(), block.size()) > 0) {
      }
    }
    close(fd);
  }

  void FillBytes() {
    FillWith(Filler());
    struct statvfs info {};
    ASSERT_EQ(statvfs(node().paths().root().c_str(), &info), 0);
    ASSERT_EQ(info.f_bavail, 0U);
  }

  // The disk can be read, but writes to blocks that were never written end with EIO: it is larger than what is below
  // it. ext4 learns of it when it writes its journal.
  void BreakWrites() {
    FillWith(Below() + "/filler");
    const int fd = open(node().paths().root().c_str(), O_RDONLY | O_DIRECTORY);
    syncfs(fd);
    close(fd);
  }

  void FillInodes() {
    MakeDirectory(Filler());
    for (int i = 0;; ++i) {
      const int fd = open((Filler() + "/" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT, 0600);
      if (fd < 0) break;
      close(fd);
    }
    ASSERT_EQ(errno, ENOSPC);
  }

  // After an error of its journal ext4 is read-only, whatever is open.
  void MakeReadOnly() { e2e::Run("/bin/mount", {"-o", "remount,abort", node().paths().root()}); }

  uint64_t FreeBytes() {
    struct statvfs info {};
    EXPECT_EQ(statvfs(node().paths().root().c_str(), &info), 0);
    return info.f_bavail * info.f_frsize;
  }

  void ExpectRefused(const std::string& reason) {
    const auto refused = cri().RunPod(PodConfig("refused"));
    EXPECT_FALSE(refused.ok());
    EXPECT_THAT(refused.text(), AllOf(HasSubstr(node().paths().root()),
                                      AnyOf(HasSubstr(reason), HasSubstr("No space left on device"))));
    const cri::StatusResponse status = Must(cri().Status());
    EXPECT_FALSE(status.status().conditions(0).status());
    EXPECT_THAT(status.status().conditions(0).message(), HasSubstr(reason));
  }

  // All that a kubelet does to empty the node.
  void ExpectCanBeEmptied(const PodRef& pod, const std::string& container) {
    Must(cri().StopContainer(container, 5));
    EXPECT_EQ(StatusOf(container).exit_code(), 0) << "it had its grace";
    Must(cri().RemoveContainer(container));
    Must(cri().StopPod(pod.id));
    Must(cri().RemovePod(pod.id));
    EXPECT_THAT(Pods(), IsEmpty());
    EXPECT_THAT(Containers(), IsEmpty());
    for (const std::string& image : IdsOf(Images())) Must(cri().RemoveImage(image));
    EXPECT_THAT(Images(), IsEmpty());
  }

  bool mounted_ = false;
};

TEST_F(FullDiskTest, WithoutAByteTheNodeCanBeEmptied) {
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("sleeper", kSleep));
  FillBytes();
  ExpectRefused("is full");
  EXPECT_EQ(Sh(container, "echo works"), "works\n");
  EXPECT_THAT(Pods(), SizeIs(1));
  ExpectCanBeEmptied(pod, container);
  EXPECT_GT(FreeBytes(), 1U << 20);
  Must(cri().Pull(kPause));
}

TEST_F(FullDiskTest, WithoutAnInodeTheNodeCanBeEmptied) {
  MountRoot({"-N", "1024"});
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("sleeper", kSleep));
  FillInodes();
  ExpectRefused("no free inodes");
  ExpectCanBeEmptied(pod, container);
  Must(cri().Pull(kPause));
}

TEST_F(FullDiskTest, ADaemonStartsWithoutAByteAndTheNodeCanBeEmptied) {
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("sleeper", kSleep));
  node().Terminate();
  FillBytes();
  node().Start();
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  EXPECT_EQ(StatusOf(container).state(), cri::CONTAINER_RUNNING);
  ExpectRefused("is full");
  ExpectCanBeEmptied(pod, container);
  EXPECT_GT(FreeBytes(), 1U << 20);
  node().Restart();
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_THAT(Images(), IsEmpty());
}

TEST_F(FullDiskTest, OnAReadOnlyFileSystemEverythingEnds) {
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("sleeper", kSleep));
  MakeReadOnly();
  ExpectRefused("is read-only");
  ExpectCanBeEmptied(pod, container);
}

TEST_F(FullDiskTest, OnADiskWhoseWritesFailEverythingEnds) {
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("sleeper", kSleep));
  BreakWrites();
  EXPECT_FALSE(cri().RunPod(PodConfig("refused")).ok());
  EXPECT_FALSE(Must(cri().Status()).status().conditions(0).status());
  EXPECT_EQ(Sh(container, "echo works"), "works\n");
  ExpectCanBeEmptied(pod, container);
}

TEST_F(FullDiskTest, ADaemonStartsOnAReadOnlyFileSystem) {
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("sleeper", kSleep));
  node().Kill();
  MakeReadOnly();
  node().Start();
  EXPECT_EQ(StatusOf(container).state(), cri::CONTAINER_RUNNING);
  ExpectRefused("is read-only");
  ExpectCanBeEmptied(pod, container);
}

}  // namespace
}  // namespace crisp::e2e
