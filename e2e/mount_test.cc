// What is mounted into containers, from the host and from images.
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

class MountTest : public NodeTest {
 protected:
  void TearDown() override {
    for (const std::string& path : mounted_) umount2(path.c_str(), MNT_DETACH);
    NodeTest::TearDown();
  }

  // The path of a new tmpfs whose propagation is `flag`. Unmounted after the test.
  std::string Tmpfs(const std::string& name, unsigned long flag) {
    const std::string path = node().paths().directory() + "/" + name;
    MakeDirectory(path);
    Mount("tmpfs", path, "tmpfs", 0);
    Mount("", path, "", flag);
    return path;
  }
  void Mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags) {
    if (mount(source.c_str(), target.c_str(), type.c_str(), flags, nullptr) != 0) {
      throw std::runtime_error("mount on " + target);
    }
    if (!source.empty()) mounted_.insert(mounted_.begin(), target);
  }

  std::vector<std::string> mounted_;
};

TEST_F(MountTest, LaterMountsPropagateAsAsked) {
  cri::PodSandboxConfig pod_config = PodConfig("propagation");
  Security(pod_config).set_privileged(true);
  const PodRef pod = RunPod(pod_config);
  struct Case {
    cri::MountPropagation propagation;
    bool down, up;
  };
  for (const auto& [propagation, down, up] :
       {Case{cri::PROPAGATION_PRIVATE, false, false}, Case{cri::PROPAGATION_HOST_TO_CONTAINER, true, false},
        Case{cri::PROPAGATION_BIDIRECTIONAL, true, true}}) {
    const std::string name = "p" + std::to_string(static_cast<int>(propagation));
    const std::string host = Tmpfs(name, MS_SHARED);
    MakeDirectory(host + "/from-host");
    MakeDirectory(host + "/from-container");
    cri::ContainerConfig config = ContainerOf(name, "sleep 1000");
    AddMount(config, host, "/mnt").set_propagation(propagation);
    Security(config).set_privileged(true);
    const std::string id = Start(pod, config);
    Mount("tmpfs", host + "/from-host", "tmpfs", 0);
    WriteFile(host + "/from-host/file", "x");
    EXPECT_EQ(Sh(id, "ls /mnt/from-host"), down ? "file\n" : "") << name;
    Sh(id, "mount -t tmpfs x /mnt/from-container && touch /mnt/from-container/file");
    EXPECT_EQ(FileExists(host + "/from-container/file"), up) << name;
    umount2((host + "/from-container").c_str(), MNT_DETACH);
    EXPECT_EQ(StatusOf(id).mounts(0).propagation(), propagation);
  }
}

TEST_F(MountTest, AMountThatCannotPropagateIsRefused) {
  const PodRef pod = RunPod("private");
  const std::string host = Tmpfs("private", MS_PRIVATE);
  for (const auto propagation : {cri::PROPAGATION_BIDIRECTIONAL, cri::PROPAGATION_HOST_TO_CONTAINER}) {
    cri::ContainerConfig config = ContainerOf("main", "true");
    AddMount(config, host, "/mnt").set_propagation(propagation);
    const auto answer = cri().CreateContainer(pod.id, pod.config, config);
    EXPECT_EQ(answer.code(), grpc::INVALID_ARGUMENT) << Describe(answer.status);
    EXPECT_THAT(answer.text(), AllOf(HasSubstr("mounts[0].propagation"), HasSubstr(host)));
  }
  EXPECT_THAT(Containers(), IsEmpty());
}

TEST_F(MountTest, RecursiveReadOnlyCoversSubmountsAndIsReported) {
  bool reported = false;
  const cri::StatusResponse runtime = Must(cri().Status());
  for (const cri::RuntimeHandler& handler : runtime.runtime_handlers()) {
    if (handler.name().empty()) reported = handler.features().recursive_read_only_mounts();
  }
  EXPECT_TRUE(reported);
  const PodRef pod = RunPod("rro");
  const std::string host = Tmpfs("rro", MS_PRIVATE);
  MakeDirectory(host + "/below");
  Mount("tmpfs", host + "/below", "tmpfs", 0);
  cri::ContainerConfig config = ContainerOf("plain", "touch /mnt/x 2>&1; touch /mnt/below/x && echo written");
  AddMount(config, host, "/mnt").set_readonly(true);
  EXPECT_EQ(OutputOf(pod, config), "touch: /mnt/x: Read-only file system\nwritten\n");
  config = ContainerOf("recursive", "touch /mnt/x 2>&1; touch /mnt/below/y 2>&1; true");
  AddMount(config, host, "/mnt").set_readonly(true);
  config.mutable_mounts(0)->set_recursive_read_only(true);
  EXPECT_EQ(OutputOf(pod, config),
            "touch: /mnt/x: Read-only file system\ntouch: /mnt/below/y: Read-only file system\n");
}

class OldRuntimeTest : public MountTest {
 protected:
  // A runtime without the command "features", as before runc 1.1.
  NodeOptions Options(const Machine& machine) override {
    const std::string old = machine.directory + "/old-runc";
    WriteScript(old, "#!/bin/sh\n[ \"$1\" = features ] && exit 1\nexec /usr/sbin/runc \"$@\"\n");
    NodeOptions options;
    options.extra_toml = HandlerToml("old", old);
    return options;
  }
};

TEST_F(OldRuntimeTest, AFeatureThatTheRuntimeLacksIsRefusedWithTheKubeletsErrorCode) {
  const cri::StatusResponse runtime = Must(cri().Status());
  for (const cri::RuntimeHandler& handler : runtime.runtime_handlers()) {
    EXPECT_EQ(handler.features().recursive_read_only_mounts(), handler.name() != "old") << handler.name();
  }
  const PodRef pod = RunPod(PodConfig("old"), "old");
  cri::ContainerConfig config = ContainerOf("main", "true");
  AddMount(config, node().paths().directory(), "/mnt").set_readonly(true);
  config.mutable_mounts(0)->set_recursive_read_only(true);
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), StartsWith("RROUnsupported"));
  EXPECT_THAT(Containers(), IsEmpty());
  cri::PodSandboxConfig user_namespace = PodConfig("userns");
  MapIds(*Namespaces(user_namespace).mutable_userns_options(), 100000, 65536);
  EXPECT_THAT(cri().RunPod(user_namespace, kCallTimeout, "old").text(), HasSubstr("userns_options"));
}

TEST_F(MountTest, ParentsInAPathAreResolvedInsideTheContainer) {
  const PodRef pod = RunPod("parents");
  const std::string host = node().paths().directory() + "/parents";
  WriteFile(host + "/file", "of the host\n");
  cri::ContainerConfig config = ContainerOf("main", "cat /c/file /file");
  AddMount(config, host, "/a/b/../../c");
  AddMount(config, host + "/file", "/../../file");
  EXPECT_EQ(OutputOf(pod, config), "of the host\nof the host\n");
}

// What kubernetes' device plugins and many CSI drivers mount.
TEST_F(MountTest, AContainerWithTheHostsDevSharesThePodsMemory) {
  cri::PodSandboxConfig pod_config = PodConfig("dev");
  Security(pod_config).set_privileged(true);
  const PodRef pod = RunPod(pod_config);
  EXPECT_EQ(OutputOf(pod, ContainerOf("first", "echo shared > /dev/shm/crisp-e2e")), "");
  cri::ContainerConfig config = ContainerOf("second", "cat /dev/shm/crisp-e2e; test -c /dev/loop-control && echo host");
  Security(config).set_privileged(true);
  AddMount(config, "/dev", "/dev");
  EXPECT_EQ(OutputOf(pod, config), "shared\nhost\n");
  EXPECT_FALSE(FileExists("/dev/shm/crisp-e2e"));
}

TEST_F(MountTest, VolumesOfTheImageAreCopiedForEachContainer) {
  Must(cri().Pull(kVolumes));
  const PodRef pod = RunPod("volumes");
  cri::ContainerConfig config =
      ContainerOf("first",
                  "cat /data/file /odd/file; stat -c '%a %u %g' /data; ls /linked /new; echo mine > /data/file; "
                  "cat /data/file; grep -c -E ' /(data|var|new|odd) ' /proc/mounts");
  config.mutable_image()->set_image(kVolumes);
  // The image's link /linked leads to its own /var, never to the host's (containerd's CVE-2022-23648).
  ASSERT_TRUE(fs::exists("/var/lib")) << "the test needs something that only the host has in /var";
  const std::string id = Create(pod, config);
  Must(cri().StartContainer(id));
  const cri::ContainerStatus status = WaitForExit(id);
  EXPECT_EQ(status.exit_code(), 0);
  EXPECT_EQ(LoggedOutput(pod, "first"), "of the image\nodd\n750 1234 50\n/linked:\nwww\n\n/new:\nmine\n4\n");
  EXPECT_TRUE(status.mounts().empty());
  Rename(config, "second");
  config.mutable_command(2)->assign("cat /data/file; ls /new");
  EXPECT_EQ(OutputOf(pod, config), "of the image\n");
  const std::string kept = node().paths().root() + "/containers/" + id + "/volumes";
  EXPECT_TRUE(FileExists(kept));
  Must(cri().RemoveContainer(id));
  EXPECT_FALSE(FileExists(kept));
}

TEST_F(MountTest, AMountReplacesAVolumeOfTheImage) {
  Must(cri().Pull(kVolumes));
  const PodRef pod = RunPod("covered");
  WriteFile(node().paths().directory() + "/mine/file", "of the host\n");
  cri::ContainerConfig config = ContainerOf("main", "cat /data/file");
  config.mutable_image()->set_image(kVolumes);
  AddMount(config, node().paths().directory() + "/mine", "/data/");
  EXPECT_EQ(OutputOf(pod, config), "of the host\n");
}

TEST_F(MountTest, AnImageIsMountedReadOnly) {
  Must(cri().Pull(kVolumes));
  Must(cri().Pull(kOddLayers));
  const PodRef pod = RunPod("images");
  cri::ContainerConfig config =
      ContainerOf("main",
                  "cat /whole/data/file /part/below /single; ls /whole | tr '\\n' ' '; touch /whole/x 2>&1; "
                  "touch /part/x 2>&1; sleep 1000");
  AddImageMount(config, kVolumes, "/whole");
  AddImageMount(config, kOddLayers, "/part").set_image_sub_path("odd/link");  // a link to "real"
  AddImageMount(config, kVolumes, "/single").set_image_sub_path("data/file");
  const std::string id = Start(pod, config);
  WaitFor("its output", std::chrono::seconds(10),
          [&] { return ReadFile(pod.LogPath("main")).find("/part/x") != std::string::npos; });
  EXPECT_EQ(LoggedOutput(pod, "main"),
            "of the image\nbelowof the image\nbin data etc home linked odd out root tmp var "
            "touch: /whole/x: Read-only file system\ntouch: /part/x: Read-only file system\n");
  EXPECT_EQ(StatusOf(id).mounts(1).image().image(), kOddLayers);
  EXPECT_EQ(StatusOf(id).mounts(1).image_sub_path(), "odd/link");
  // The content of an image that is removed stays for the container that has it mounted.
  Must(cri().RemoveImage(kVolumes));
  EXPECT_EQ(Sh(id, "cat /whole/data/file"), "of the image\n");
  Must(cri().RemoveContainer(id));
}

TEST_F(MountTest, AnImageThatCannotBeMountedIsRefusedWithTheKubeletsErrorCode) {
  Must(cri().Pull(kVolumes));
  const PodRef pod = RunPod("faults");
  const auto refused = [&](const std::string& image, const std::string& path) {
    cri::ContainerConfig config = ContainerOf("main", "true");
    AddImageMount(config, image, "/mnt").set_image_sub_path(path);
    const auto answer = cri().CreateContainer(pod.id, pod.config, config);
    EXPECT_FALSE(answer.ok()) << image << " " << path;
    EXPECT_THAT(answer.text(), AllOf(StartsWith("ImageVolumeMountFailed"), HasSubstr(image))) << path;
    EXPECT_THAT(Containers(), IsEmpty());
  };
  refused("docker.io/e2e/not-there:1", "");
  refused(kVolumes, "none");
  refused(kVolumes, "data/file/below");
  // A link of the image that leads to a directory of the host leads to nothing in the image.
  ASSERT_TRUE(fs::exists("/etc/ssl")) << "the test needs a directory that only the host has";
  refused(kVolumes, "out");
}

TEST_F(MountTest, AMountedImageOutlivesTheDaemonAndIsReleased) {
  Must(cri().Pull(kVolumes));
  const PodRef pod = RunPod("restart");
  cri::ContainerConfig config = ContainerOf("main", "sleep 1000");
  AddImageMount(config, kVolumes, "/image");
  const std::string id = Start(pod, config);
  node().Restart();
  EXPECT_EQ(Sh(id, "cat /image/data/file"), "of the image\n");
  Must(cri().RemoveContainer(id));
  EXPECT_FALSE(FileExists(node().paths().root() + "/containers/" + id + "-image-0"));
}

}  // namespace
}  // namespace crisp::e2e
