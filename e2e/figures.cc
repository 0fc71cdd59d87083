// Measures a crispd as it is built and prints the figures; it judges none of them. Not a test, and not run as one:
//   cmake --build --preset release --target e2e_figures && build/release/bin/e2e_figures
// The machine should have nothing else to do.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "e2e/figure_tools.h"
#include "e2e/fixture.h"
#include "streaming/testing/spdy_client.h"
#include "tests/oci/image_layout.h"

namespace crisp::e2e {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRuns = 20;
constexpr int kPulls = 3;
constexpr int kOutputs = 5;
constexpr char kLarge[] = "registry.k8s.io/e2e/large:";
constexpr int kLargeLayers = 5;
constexpr size_t kLargeLayerBytes = 144 << 20;

class Figures : public NodeTest {};

TEST_F(Figures, Calls) {
  Times times;
  for (const bool host_network : {false, true}) {
    const std::string kind = host_network ? " (host network)" : "";
    for (int i = 0; i < kRuns + 2; ++i) {
      cri::PodSandboxConfig config = PodConfig("figures-" + std::to_string(i) + (host_network ? "h" : ""));
      if (host_network) {
        UseHostNetwork(config);
      }
      cri::ContainerConfig container = ContainerRunning("main", {"sleep", "1000"});
      if (host_network) {
        UseHostNetwork(container);
      }
      PodRef pod;
      std::string id;
      Times warm_up;
      Times& to = i < 2 ? warm_up : times;
      to.Add("RunPodSandbox" + kind, [&] { pod = RunPod(config); });
      if (host_network) {
        to.Add("StopPodSandbox" + kind, [&] { Must(cri().StopPod(pod.id)); });
      } else {
        to.Add("CreateContainer", [&] { id = Create(pod, container); });
        to.Add("StartContainer", [&] { Must(cri().StartContainer(id)); });
        to.Add("ExecSync true", [&] { Must(cri().Exec(id, {"/bin/true"})); });
        to.Add("ListContainers", [&] { Containers(); });
        to.Add("StopContainer (kill)", [&] { Must(cri().StopContainer(id, 0)); });
        to.Add("RemoveContainer", [&] { Must(cri().RemoveContainer(id)); });
        to.Add("StopPodSandbox", [&] { Must(cri().StopPod(pod.id)); });
      }
      to.Add("RemovePodSandbox" + kind, [&] { Must(cri().RemovePod(pod.id)); });
    }
  }
  times.Print();
}

// User and system time of a process and of its children that have ended, in seconds.
double CpuOf(pid_t pid) {
  const std::string stat = ReadFile(ProcPath(pid, "stat"));
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::vector<std::string> all{std::istream_iterator<std::string>(fields), {}};
  double ticks = 0;
  for (const size_t field : {11, 12, 13, 14}) ticks += std::stod(all.at(field));
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

class ExecFigures : public NodeTest, public ::testing::WithParamInterface<const char*> {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.crisp_toml = std::string("native_exec = ") + GetParam() + "\n";
    return options;
  }
};

// The time of an exec of what does nothing, and the processor time of crispd, the shim and all that the shim ran.
TEST_P(ExecFigures, Execs) {
  constexpr int kExecs = 300;
  const PodRef pod = RunPod("figures");
  for (const bool confined : {false, true}) {
    cri::ContainerConfig config = ContainerOf(confined ? "confined" : "open", "sleep 100000");
    if (confined) Security(config).mutable_seccomp();
    Security(config).set_no_new_privs(confined);
    const std::string id = Start(pod, config);
    const pid_t shim = PidByCommand("crisp-shim");
    for (int i = 0; i < 10; ++i) Must(cri().Exec(id, {"/bin/true"}));
    Times times;
    const double before = CpuOf(shim) + CpuOf(node().pid());
    for (int i = 0; i < kExecs; ++i) {
      times.Add(std::string("ExecSync true, native_exec = ") + GetParam() + (confined ? ", seccomp" : ""),
                [&] { Must(cri().Exec(id, {"/bin/true"})); });
    }
    const double cpu = CpuOf(shim) + CpuOf(node().pid()) - before;
    times.Print();
    printf("processor time of each %.2f ms\n", 1000 * cpu / kExecs);
  }
}

INSTANTIATE_TEST_SUITE_P(Native, ExecFigures, ::testing::Values("true", "false"));

TEST_F(Figures, Memory) {
  node().Restart();
  Must(cri().ListPods());
  printf("crispd, just started         PSS %6ld KiB\n", static_cast<long>(PssOf(node().pid())));
  std::vector<double> shims;
  const int64_t before = PssOf(node().pid());
  for (int i = 0; i < kRuns; ++i) {
    const PodRef pod = RunPod("memory-" + std::to_string(i));
    Start(pod, ContainerRunning("main", {"sleep", "1000"}));
  }
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    std::error_code error;
    const auto program = std::filesystem::read_symlink(process.path() / "exe", error);
    if (error || program.filename() != "crisp-shim") continue;
    shims.push_back(static_cast<double>(PssOf(std::stoi(process.path().filename()))));
  }
  printf("crisp-shim, one container    PSS %6.0f KiB, median of %zu\n", Median(shims), shims.size());
  const int64_t after = PssOf(node().pid());
  printf("crispd with %d pods          PSS %6ld KiB, %.1f a pod\n", kRuns, static_cast<long>(after),
         static_cast<double>(after - before) / kRuns);
}

// A gigabyte of output of an exec through all of it: a process in a container, crispd, SPDY on loopback, a client that
// counts. The file has holes only, so that no disk is measured. src/streaming/stream_bench.cc measures it without pods.
TEST_F(Figures, ExecOutput) {
  constexpr uint64_t kBytes = 1 << 30;
  const std::string id = Start(RunPod("output"), ContainerRunning("main", {"sleep", "1000"}));
  Must(cri().Exec(id, {"truncate", "-s", std::to_string(kBytes), "/tmp/zeros"}));
  cri::ExecRequest request;
  request.set_container_id(id);
  for (const char* word : {"cat", "/tmp/zeros"}) request.add_cmd(word);
  request.set_stdout(true);
  std::vector<double> rates;
  std::vector<double> cpu;
  for (int i = 0; i < kOutputs; ++i) {
    const auto client = SpdyClient::Connect(Must(cri().Call(&Runtime::Exec, request)).url(), {"v4.channel.k8s.io"});
    client->KeepNoData();
    const double before = CpuSeconds(node().pid());
    const auto start = Clock::now();
    client->OpenChannel("error");
    client->OpenChannel("stdout");
    ASSERT_TRUE(client->ReadUntilClosed(std::chrono::seconds(100)));
    ASSERT_GE(client->data_bytes(), kBytes);
    rates.push_back(static_cast<double>(kBytes) / 1e6 / std::chrono::duration<double>(Clock::now() - start).count());
    cpu.push_back(CpuSeconds(node().pid()) - before);
  }
  printf("exec, 1 GiB of output        median %.0f MB/s, %.2f s CPU of crispd, of %d\n", Median(rates), Median(cpu),
         kOutputs);
}

// The directories above `path` that are not in `made`, highest first, as the layers of images have them.
void AddParents(const std::string& path, std::set<std::string>* made, LayerDescription* layer) {
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (made->insert(parent).second) layer->entries.push_back(DirectoryEntry(parent));
  }
}

// Of files as images have them: this machine's own. Each `number` has layers of its own.
ImageDescription Large(int number) {
  ImageDescription image;
  image.reference = kLarge + std::to_string(number);
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           "/usr", std::filesystem::directory_options::skip_permission_denied)) {
    if (entry.is_symlink() || !entry.is_regular_file() || entry.file_size() > (32 << 20)) continue;
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  size_t next = 0;
  for (int i = 0; i < kLargeLayers; ++i) {
    LayerDescription layer;
    std::set<std::string> made;
    layer.entries.push_back(FileEntry("number", std::to_string(number)));
    for (size_t bytes = 0; bytes < kLargeLayerBytes && next < paths.size(); ++next) {
      std::string content = ReadFile(paths[next]);
      bytes += content.size();
      const std::string name = paths[next].substr(1);
      AddParents(name, &made, &layer);
      layer.entries.push_back(FileEntry(name, std::move(content)));
    }
    image.layers.push_back(std::move(layer));
  }
  image.config.cmd = {"sh"};
  return image;
}

class PullFigures : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.endpoints = {"http://127.0.0.1:5001"};
    options.pull_images = false;
    return options;
  }
};

// Nothing is removed between the pulls: ext4 looks for inodes that it has not freed in the last minutes, which takes
// longer than to unpack.
TEST_F(PullFigures, FiveLayers) {
  Registry registry(node().paths().directory() + "/large", node().paths().directory() + "/large/store", 5001, false);
  uint64_t packed = 0;
  size_t entries = 0;
  for (int i = 0; i < kPulls; ++i) {
    const ImageDescription image = Large(i);
    const std::string layout = node().paths().directory() + "/large/layout" + std::to_string(i);
    const auto written = WriteImageLayout(layout, {image});
    ASSERT_TRUE(written.ok()) << written.status();
    Push(layout, image.reference, 5001);
    packed = entries = 0;
    for (const LayerDescription& layer : image.layers) entries += layer.entries.size();
    for (const auto& blob : std::filesystem::directory_iterator(layout + "/blobs/sha256")) packed += blob.file_size();
  }
  sync();
  std::vector<double> wall;
  std::vector<double> cpu;
  for (int i = 0; i < kPulls; ++i) {
    const auto start = Clock::now();
    const double before = CpuSeconds(node().pid());
    Must(cri().Pull(kLarge + std::to_string(i), std::chrono::minutes(5)));
    wall.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    cpu.push_back(CpuSeconds(node().pid()) - before);
  }
  const auto usage = Must(cri().ImageFsInfo()).image_filesystems(0);
  printf("an image of %d layers, %zu entries, %.0f MB packed, %.0f MB unpacked\n", kLargeLayers, entries,
         static_cast<double>(packed) / 1e6, static_cast<double>(usage.used_bytes().value()) / 1e6 / kPulls);
  printf("PullImage                    median %.2f s wall, %.2f s CPU of crispd, of %d\n", Median(wall), Median(cpu),
         kPulls);
  for (int i = 0; i < kPulls; ++i) Must(cri().RemoveImage(kLarge + std::to_string(i)));
}

}  // namespace
}  // namespace crisp::e2e
