#include "sandbox/spec_lookup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "os/file.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kLabel[] = "system_u:object_r:container_file_t:s0:c1,c2";

std::string LabelOf(const std::string& path) {
  std::array<char, 256> value{};
  const ssize_t size = lgetxattr(path.c_str(), "security.selinux", value.data(), value.size());
  return size < 0 ? "" : std::string(value.data(), static_cast<size_t>(size));
}

// A mount that is to be relabelled, and one that is not.
class RelabelMountsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to set labels";
    for (const std::string name : {"relabel", "leave"}) {
      ASSERT_TRUE(MakeDirs(dir_.Path(name) + "/below", 0755).ok());
      cri::Mount& mount = *container_.add_mounts();
      mount.set_host_path(dir_.Path(name));
      mount.set_container_path("/in/" + name);
      mount.set_selinux_relabel(name == "relabel");
    }
  }

  const TestDir dir_;
  cri::ContainerConfig container_;
};

TEST_F(RelabelMountsTest, WhatIsOnAMountThatAsksForItGetsTheLabel) {
  ASSERT_EQ(RelabelMounts(container_, kLabel, CallContext()), absl::OkStatus());
  EXPECT_EQ(LabelOf(dir_.Path("relabel")), kLabel);
  EXPECT_EQ(LabelOf(dir_.Path("relabel/below")), kLabel);
  EXPECT_EQ(LabelOf(dir_.Path("leave")), "");
}

TEST_F(RelabelMountsTest, WithoutSelinuxNothingIsWritten) {
  ASSERT_EQ(RelabelMounts(container_, "", CallContext()), absl::OkStatus());
  EXPECT_EQ(LabelOf(dir_.Path("relabel")), "");
}

TEST_F(RelabelMountsTest, TheNodesOwnDirectoriesAreRefused) {
  container_.mutable_mounts(1)->set_selinux_relabel(true);
  container_.mutable_mounts(1)->set_host_path("/proc");
  const absl::Status status = RelabelMounts(container_, kLabel, CallContext());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("config.mounts[1].selinux_relabel"), HasSubstr("/proc belongs to the node")));
}

TEST_F(RelabelMountsTest, AnErrorNamesTheMount) {
  container_.mutable_mounts(0)->set_host_path(dir_.Path("none"));
  EXPECT_THAT(std::string(RelabelMounts(container_, kLabel, CallContext()).message()),
              AllOf(HasSubstr("relabel mount /in/relabel"), HasSubstr(dir_.Path("none"))));
}

TEST(ResolveHostPathTest, FollowsLinksToTheEnd) {
  const TestDir dir;
  ASSERT_TRUE(MakeDirs(dir.Path("real/data"), 0755).ok());
  ASSERT_EQ(symlink("real", dir.Path("link").c_str()), 0);
  EXPECT_EQ(*ResolveHostPath(dir.Path("link/data")), *ResolveHostPath(dir.path()) + "/real/data");
}

TEST(ResolveHostPathTest, MakesADirectoryOfWhatIsNotThere) {
  const TestDir dir;
  const auto resolved = ResolveHostPath(dir.Path("new/data"));
  ASSERT_EQ(resolved.status(), absl::OkStatus());
  EXPECT_TRUE(Exists(*resolved));
  EXPECT_EQ(*ResolveHostPath(dir.Path("new/data")), *resolved);
}

TEST(ResolveHostPathTest, APathThroughAFileIsAnErrorThatNamesIt) {
  const TestDir dir;
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir.Path("file"), "", 0644).ok());
  const absl::Status status = ResolveHostPath(dir.Path("file/data")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr(dir.Path("file/data")));
}

class CheckPropagationTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    EnterMountNamespace();
    ASSERT_EQ(mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, nullptr), 0);
  }
  void TearDown() override { umount2(dir_.path().c_str(), MNT_DETACH); }

  void Make(unsigned long type) { ASSERT_EQ(mount(nullptr, dir_.path().c_str(), nullptr, type, nullptr), 0); }
  absl::Status Check(cri::MountPropagation propagation) const {
    cri::Mount mount;
    mount.set_host_path(dir_.path());
    mount.set_propagation(propagation);
    return CheckPropagation(mount, "config.mounts[3]");
  }

  const TestDir dir_;
};

TEST_F(CheckPropagationTest, APrivateMountNeedsNothingOfTheHost) {
  EXPECT_EQ(Check(cri::PROPAGATION_PRIVATE), absl::OkStatus());
}

TEST_F(CheckPropagationTest, WhatIsPrivateOnTheHostPropagatesNowhere) {
  for (const auto propagation : {cri::PROPAGATION_HOST_TO_CONTAINER, cri::PROPAGATION_BIDIRECTIONAL}) {
    const absl::Status refused = Check(propagation);
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr("config.mounts[3].propagation"), HasSubstr("mount --make-rshared")));
  }
}

TEST_F(CheckPropagationTest, WhatIsSharedOnTheHostPropagatesBothWays) {
  Make(MS_SHARED);
  EXPECT_EQ(Check(cri::PROPAGATION_HOST_TO_CONTAINER), absl::OkStatus());
  EXPECT_EQ(Check(cri::PROPAGATION_BIDIRECTIONAL), absl::OkStatus());
}

TEST_F(CheckPropagationTest, WhatIsASlaveOnTheHostPropagatesIntoTheContainerOnly) {
  Make(MS_SHARED);
  // A slave needs a master that lives on: the same mount a second time.
  const TestDir copy;
  ASSERT_EQ(mount(dir_.path().c_str(), copy.path().c_str(), nullptr, MS_BIND, nullptr), 0);
  Make(MS_SLAVE);
  EXPECT_EQ(Check(cri::PROPAGATION_HOST_TO_CONTAINER), absl::OkStatus());
  EXPECT_EQ(Check(cri::PROPAGATION_BIDIRECTIONAL).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(umount2(copy.path().c_str(), MNT_DETACH), 0);
}

class LookUpDevicesTest : public testing::Test {
 protected:
  absl::Status LookUp(const SecurityOptions& options = {}, const HandlerOptions& handler = {}) {
    context_ = {};
    ResolvedUser user;
    user.uid = 1000;
    user.gid = 2000;
    return LookUpDevices(container_, user, options, handler, &context_);
  }
  void Add(const std::string& path) {
    cri::Device& device = *container_.add_devices();
    device.set_host_path(path);
    device.set_container_path(path);
    device.set_permissions("rw");
  }

  cri::ContainerConfig container_;
  SpecContext context_;
};

TEST_F(LookUpDevicesTest, ADeviceThatIsNotThereIsRefusedByItsPlaceInTheRequest) {
  Add("/dev/null");
  Add("/dev/absent");
  const absl::Status refused = LookUp();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("config.devices[1]"));
}

TEST_F(LookUpDevicesTest, TheUserOwnsThemIfTheConfigurationSaysSo) {
  Add("/dev/null");
  SecurityOptions options;
  options.device_ownership_from_security_context = true;
  ASSERT_EQ(LookUp(options), absl::OkStatus());
  EXPECT_EQ(context_.container.devices.at(0).node.uid, 1000u);
  EXPECT_EQ(context_.container.devices.at(0).node.gid, 2000u);
}

TEST_F(LookUpDevicesTest, APrivilegedContainerHasThoseOfTheHost) {
  container_.mutable_linux()->mutable_security_context()->set_privileged(true);
  ASSERT_EQ(LookUp(), absl::OkStatus());
  EXPECT_FALSE(context_.container.host_devices.empty());
  EXPECT_TRUE(context_.container.all_devices_allowed);
}

TEST_F(LookUpDevicesTest, AHandlerCanKeepThemFromAPrivilegedContainer) {
  container_.mutable_linux()->mutable_security_context()->set_privileged(true);
  HandlerOptions handler;
  handler.privileged_without_host_devices = true;
  ASSERT_EQ(LookUp({}, handler), absl::OkStatus());
  EXPECT_TRUE(context_.container.host_devices.empty());
  EXPECT_FALSE(context_.container.all_devices_allowed);
  handler.privileged_without_host_devices_all_devices_allowed = true;
  ASSERT_EQ(LookUp({}, handler), absl::OkStatus());
  EXPECT_TRUE(context_.container.host_devices.empty());
  EXPECT_TRUE(context_.container.all_devices_allowed);
}

TEST_F(LookUpDevicesTest, CdiDevicesComeFromTheFilesOfTheNode) {
  const TestDir dir;
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir.Path("gpu.json"), R"({
      "cdiVersion": "0.5.0", "kind": "example.com/gpu",
      "devices": [{"name": "0", "containerEdits": {"env": ["GPU=0"]}}]})",
                          0644)
                  .ok());
  SecurityOptions options;
  options.cdi_spec_dirs = {dir.path()};
  container_.add_cdi_devices()->set_name("example.com/gpu=0");
  ASSERT_EQ(LookUp(options), absl::OkStatus());
  EXPECT_THAT(context_.container.cdi.env, testing::ElementsAre("GPU=0"));
  options.enable_cdi = false;
  const absl::Status refused = LookUp(options);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("enable_cdi"));
}

class LookUpConfinementTest : public testing::Test {
 protected:
  cri::LinuxContainerSecurityContext Localhost(const std::string& path) const {
    cri::LinuxContainerSecurityContext security;
    security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
    security.mutable_seccomp()->set_localhost_ref(path);
    return security;
  }

  const TestDir dir_;
  SpecContext context_;
};

TEST_F(LookUpConfinementTest, ASeccompProfileIsReadFromItsFile) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_.Path("profile.json"), "{}", 0644).ok());
  ASSERT_EQ(LookUpConfinement(Localhost(dir_.Path("profile.json")), &context_), absl::OkStatus());
  EXPECT_EQ(context_.container.seccomp_profile, "{}");
}

TEST_F(LookUpConfinementTest, AProfileThatIsNotThereIsRefusedUnlessNobodyIsConfined) {
  cri::LinuxContainerSecurityContext security = Localhost(dir_.Path("absent.json"));
  const absl::Status refused = LookUpConfinement(security, &context_);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("absent.json"));
  security.set_privileged(true);
  EXPECT_EQ(LookUpConfinement(security, &context_), absl::OkStatus());
}

TEST_F(LookUpConfinementTest, TheNodesProfileAppliesToAPodThatNamesNone) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_.Path("profile.json"), "{}", 0644).ok());
  context_.host.unset_seccomp_profile = "localhost/" + dir_.Path("profile.json");
  ASSERT_EQ(LookUpConfinement(cri::LinuxSandboxSecurityContext(), &context_), absl::OkStatus());
  EXPECT_EQ(context_.container.seccomp_profile, "{}");
}

TEST_F(LookUpConfinementTest, WithoutAppArmorNoProfileHasToBeLoaded) {
  cri::LinuxContainerSecurityContext security;
  security.mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
  security.mutable_apparmor()->set_localhost_ref("no-such-profile");
  EXPECT_EQ(LookUpConfinement(security, &context_), absl::OkStatus()) << "the spec builder has the last word";
}

}  // namespace
}  // namespace crisp
