// How fast layers unpack, from files on this machine:
//
//   layer_bench <directory> <blob>...
//
// Unpacks the blobs as the layers of one image, lowest first, into a new store below <directory>, and says how long it
// took. What the registry would take comes on top.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "images/digest.h"
#include "images/image_counters.h"
#include "images/layer_decoder.h"
#include "images/layer_store.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "store/database.h"

namespace crisp {
namespace {

class FileSource : public LayerSource {
 public:
  std::map<std::string, std::string> paths;  // by digest

  absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext&) override {
    auto file = OpenAt(AT_FDCWD, paths.at(layer.digest), O_RDONLY);
    if (!file.ok()) return file.status();
    std::string buffer(64 << 10, '\0');
    while (true) {
      const ssize_t n = read(file->get(), buffer.data(), buffer.size());
      if (n < 0) return ErrnoStatus(errno, "read");
      if (n == 0) return absl::OkStatus();
      const absl::Status status = sink(absl::string_view(buffer.data(), static_cast<size_t>(n)));
      if (!status.ok()) return status;
    }
  }
};

// Reads the blob once, for its digests; so it is in the page cache when it is measured.
LayerDescriptor Describe(const std::string& path) {
  const std::string blob = *ReadFileAt(AT_FDCWD, path, size_t{8} << 30);
  BlockRing ring(2, 1 << 20);
  LayerDescriptor layer{DigestOf(blob), blob.size(), ""};
  std::thread feeder([&] {
    TarWriter writer(&ring, blob.size(), layer.diff_id);
    LayerDecoder decoder(&writer);
    if (!decoder.Feed(blob).ok() || !decoder.Finish().ok()) std::abort();
    layer.diff_id = writer.Digest();
    ring.Finish(absl::OkStatus());
  });
  while (!ring.Next()->empty()) {
  }
  feeder.join();
  return layer;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int Run(const std::string& directory, const std::vector<std::string>& paths) {
  FileSource source;
  std::vector<LayerDescriptor> layers;
  uint64_t compressed = 0;
  for (const std::string& path : paths) {
    layers.push_back(Describe(path));
    source.paths[layers.back().digest] = path;
    compressed += layers.back().size;
  }
  const Layout layout(directory + "/bench-root", directory + "/bench-state", true);
  if (!MakeDirs(layout.root(), 0711).ok()) return 1;
  auto database = Database::Open(layout.Database());
  ImageCounters counters;
  auto store = LayerStore::Open(layout, database->get(), &counters);
  sync();
  const double cpu = CpuSeconds();
  const MonoTime start = MonoClock::now();
  const auto lease = (*store)->Unpack(layers, source, 3, CallContext());
  const double wall = std::chrono::duration<double>(MonoClock::now() - start).count();
  const FsUsage usage = *(*store)->Usage();
  std::printf("%s: %zu layers, %.0f MB, unpacked %.0f MB in %lu files: %.2f s, %.2f CPU-s\n",
              lease.status().ToString().c_str(), layers.size(), static_cast<double>(compressed) / 1e6,
              static_cast<double>(usage.used_bytes) / 1e6, usage.inodes_used, wall, CpuSeconds() - cpu);
  store->reset();
  database->reset();
  return lease.ok() && RemoveTree(layout.root()).ok() ? 0 : 1;
}

}  // namespace
}  // namespace crisp

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: layer_bench <directory> <blob>...\n");
    return 2;
  }
  return crisp::Run(argv[1], std::vector<std::string>(argv + 2, argv + argc));
}
