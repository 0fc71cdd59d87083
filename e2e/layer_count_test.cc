// Images with hundreds of layers, and with none.
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "e2e/files.h"
#include "e2e/fixture.h"
#include "tests/oci/image_layout.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kNoLayers[] = "docker.io/e2e/no-layers:1";

std::string NameOf(int layers) {
  return "docker.io/e2e/layers:" + std::to_string(layers);
}

// Layer n has the files layer/n and top, with n in them. The lowest has busybox.
ImageDescription WithLayers(int layers) {
  ImageDescription image;
  image.reference = NameOf(layers);
  image.config.env = {"PATH=/bin"};
  for (int i = 0; i < layers; ++i) {
    const std::string number = std::to_string(i);
    LayerDescription layer{{DirectoryEntry("layer"), FileEntry("layer/" + number, number), FileEntry("top", number)},
                           Compression::kGzip};
    if (i == 0) {
      layer.entries.push_back(DirectoryEntry("bin"));
      layer.entries.push_back(FileEntry("bin/busybox", ReadFile("/bin/busybox"), 0755));
      for (const char* applet : {"sh", "ls", "wc", "cat"}) {
        layer.entries.push_back(SymlinkEntry(std::string("bin/") + applet, "busybox"));
      }
    }
    image.layers.push_back(std::move(layer));
  }
  return image;
}

class LayerCountTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options;
    options.pull_images = false;
    const std::string preload = machine.directory + "/preload";
    fs::remove_all(preload);
    MakeDirectory(preload);
    fs::copy(Store().images.at(kPause).layout, preload + "/pause", fs::copy_options::recursive);
    for (const int layers : Counts()) Write(preload, WithLayers(layers));
    ImageDescription none;
    none.reference = kNoLayers;
    Write(preload, none);
    options.config = [preload](const NodePaths& paths) { return Config(paths, preload); };
    return options;
  }

  virtual std::vector<int> Counts() { return {}; }

  static std::string Config(const NodePaths& paths, const std::string& preload) {
    return "version = 2\nroot = \"" + paths.root_parent() + "\"\nstate = \"" + paths.state_parent() +
           "\"\n[grpc]\naddress = \"" + paths.socket() + "\"\n[crisp]\npin_preloaded = true\npreload_dir = \"" +
           preload + "\"\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"" + kPause +
           "\"\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\nbin_dir = \"" + paths.cni_bin_dir() + "\"\nconf_dir = \"" +
           paths.cni_conf_dir() + "\"\n" + HandlerToml("runc", paths.runc()) +
           "SystemdCgroup = " + (WithSystemd() ? "true" : "false") + "\n";
  }

  static void Write(const std::string& directory, const ImageDescription& image) {
    const std::string layout = directory + "/" + image.reference.substr(image.reference.rfind('/') + 1);
    if (const auto written = WriteImageLayout(layout, {image}); !written.ok()) {
      throw std::runtime_error(std::string(written.status().message()));
    }
  }
};

class ManyLayersTest : public LayerCountTest {
 protected:
  std::vector<int> Counts() override { return {128, 200, 500}; }
};

TEST_F(ManyLayersTest, ImagesOfHundredsOfLayersRun) {
  const PodRef pod = RunPod("many");
  for (const int layers : Counts()) {
    cri::ContainerConfig config = ContainerOf("layers-" + std::to_string(layers),
                                              "ls /layer | wc -l; cat /top; echo x > /layer/new; cat /layer/new");
    config.mutable_image()->set_image(NameOf(layers));
    EXPECT_EQ(OutputOf(pod, config), std::to_string(layers) + "\n" + std::to_string(layers - 1) + "x\n");
  }
}

TEST_F(LayerCountTest, AnImageWithoutLayersRunsAProgramOfAMount) {
  const PodRef pod = RunPod("none");
  cri::ContainerConfig config =
      ContainerRunning("none", {"/host/busybox", "sh", "-c", "echo $((6 * 7)) > /new; exit 7"});
  config.mutable_image()->set_image(kNoLayers);
  AddMount(config, "/bin", "/host").set_readonly(true);
  EXPECT_EQ(RunToEnd(pod, config).exit_code(), 7);
}

TEST_F(LayerCountTest, PreloadedImagesArePinnedIfTheConfigurationSaysSo) {
  for (const cri::Image& image : Images()) EXPECT_TRUE(image.pinned()) << image.repo_tags(0);
}

}  // namespace
}  // namespace crisp::e2e
