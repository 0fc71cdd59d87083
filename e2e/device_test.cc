// Devices of containers: of the node, and of vendors (CDI).
#include <filesystem>
#include <map>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

// Every machine has it, opening it does nothing, and no container gets it by default.
constexpr char kDevice[] = "/dev/loop-control";

using DeviceTest = NodeTest;

TEST_F(DeviceTest, ADeviceHasThePermissionsThatItWasGiven) {
  const PodRef pod = RunPod("devices");
  const std::string script =
      "ls -l /dev/mine | cut -c1; (exec 3< /dev/mine) 2>&1 && echo read; (exec 3<> /dev/mine) 2>&1 && echo write; true";
  cri::ContainerConfig config = ContainerOf("both", script);
  cri::Device& device = AddDevice(config, kDevice, "/dev/mine", "rw");
  EXPECT_EQ(OutputOf(pod, config), "c\nread\nwrite\n");
  Rename(config, "read");
  device.set_permissions("r");
  EXPECT_THAT(OutputOf(pod, config), AllOf(HasSubstr("c\nread\n"), Not(HasSubstr("write"))));
  Rename(config, "none");
  config.clear_devices();
  config.mutable_command(2)->assign("mknod /dev/mine c 10 237; (exec 3< /dev/mine) 2>&1; true");
  EXPECT_THAT(OutputOf(pod, config), HasSubstr("Operation not permitted"));
}

TEST_F(DeviceTest, ADirectoryOfDevicesAndALinkToADeviceCanBeGiven) {
  const PodRef pod = RunPod("directory");
  const std::string directory = node().paths().directory() + "/devices";
  MakeDirectory(directory);
  e2e::Run("/bin/mknod", {directory + "/zero", "c", "1", "5"});
  std::filesystem::create_symlink("/dev/null", node().paths().directory() + "/link");
  cri::ContainerConfig config =
      ContainerOf("main", "head -c 3 /dev/all/zero | wc -c; echo x > /dev/gone; cat /dev/gone");
  for (const auto& [host, container] : std::map<std::string, std::string>{
           {directory, "/dev/all"}, {node().paths().directory() + "/link", "/dev/gone"}}) {
    AddDevice(config, host, container, "rwm");
  }
  EXPECT_EQ(OutputOf(pod, config), "3\n");
}

class DeviceOwnerTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.cri_toml = "device_ownership_from_security_context = true\n";
    return options;
  }
};

TEST_F(DeviceOwnerTest, DevicesBelongToTheUserWhereTheConfigurationSaysSo) {
  const PodRef pod = RunPod("owner");
  cri::ContainerConfig config = ContainerOf("main", "stat -c '%u %g' /dev/mine");
  AddDevice(config, kDevice, "/dev/mine", "rw");
  Security(config).mutable_run_as_user()->set_value(1234);
  Security(config).mutable_run_as_group()->set_value(50);
  EXPECT_EQ(OutputOf(pod, config), "1234 50\n");
}

class CdiTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    directory_ = machine.directory + "/cdi";
    NodeOptions options;
    options.cri_toml = "cdi_spec_dirs = [\"" + directory_ + "\"]\n";
    return options;
  }
  std::string directory_;
};

TEST_F(CdiTest, ADeviceOfAVendorBringsAllThatItNeeds) {
  const PodRef pod = RunPod("cdi");
  cri::ContainerConfig config =
      ContainerOf("main", "echo $VENDOR $ALL; cat /vendor/file; (exec 3<> /dev/thing) && echo open");
  config.add_cdi_devices()->set_name("vendor.example/thing=zero");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, config).text(), HasSubstr("vendor.example/thing=zero"));

  // The daemon is not told: it reads the directory when a container asks for a device.
  WriteFile(node().paths().directory() + "/library/file", "of the vendor\n");
  WriteFile(directory_ + "/vendor.json", R"({"cdiVersion": "0.6.0", "kind": "vendor.example/thing",
    "containerEdits": {"env": ["ALL=yes"]},
    "devices": [{"name": "zero", "containerEdits": {
      "env": ["VENDOR=yes"],
      "deviceNodes": [{"path": "/dev/thing", "hostPath": "/dev/loop-control", "permissions": "rw"}],
      "mounts": [{"hostPath": ")" + node().paths().directory() +
                                             R"(/library", "containerPath": "/vendor", "options": ["ro"]}],
      "hooks": [{"hookName": "createContainer", "path": "/bin/busybox",
                 "args": ["busybox", "touch", ")" +
                                             node().paths().directory() + R"(/hooked"]}]}}]})");
  EXPECT_EQ(OutputOf(pod, config), "yes yes\nof the vendor\nopen\n");
  EXPECT_TRUE(FileExists(node().paths().directory() + "/hooked"));

  cri::ContainerConfig annotated = ContainerOf("annotated", "echo $VENDOR");
  (*annotated.mutable_annotations())["cdi.k8s.io/plugin_1"] = "vendor.example/thing=zero";
  EXPECT_EQ(OutputOf(pod, annotated), "yes\n");
}

// Where the vendor names no owner the node is the process's, whoever it is.
TEST_F(CdiTest, AProcessThatIsNotRootCanOpenItsDevice) {
  WriteFile(directory_ + "/vendor.json", R"({"cdiVersion": "0.6.0", "kind": "vendor.example/thing", "devices": [
      {"name": "free", "containerEdits": {"deviceNodes": [{"path": "/dev/free", "hostPath": "/dev/loop-control"}]}},
      {"name": "owned", "containerEdits": {"deviceNodes": [
        {"path": "/dev/owned", "hostPath": "/dev/loop-control", "uid": 0, "gid": 6}]}}]})");
  const PodRef pod = RunPod("cdi-user");
  cri::ContainerConfig config =
      ContainerOf("main", "stat -c %u:%g /dev/free /dev/owned; (exec 3<> /dev/free) && echo open");
  for (const char* name : {"vendor.example/thing=free", "vendor.example/thing=owned"}) {
    config.add_cdi_devices()->set_name(name);
  }
  Security(config).mutable_run_as_user()->set_value(1234);
  Security(config).mutable_run_as_group()->set_value(50);
  EXPECT_EQ(OutputOf(pod, config), "1234:50\n0:6\nopen\n");
  Rename(config, "root");
  Security(config).clear_run_as_user();
  Security(config).clear_run_as_group();
  EXPECT_EQ(OutputOf(pod, config), "0:0\n0:6\nopen\n");
}

}  // namespace
}  // namespace crisp::e2e
