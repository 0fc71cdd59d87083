#include "e2e/images.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <random>
#include <sstream>
#include <stdexcept>

#include "e2e/files.h"
#include "e2e/registry.h"
#include "os/fd.h"
#include "tests/oci/blob_store.h"
#include "tests/oci/image_layout.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

constexpr int kPushPort = 5999;
constexpr char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<WrittenImage> WriteLayout(const std::string& layout, const std::vector<ImageDescription>& images) {
  auto written = WriteImageLayout(layout, images);
  if (!written.ok()) throw std::runtime_error(std::string(written.status().message()));
  return *std::move(written);
}

LayerEntry WithOwner(LayerEntry entry, int64_t uid, int64_t gid) {
  entry.uid = uid;
  entry.gid = gid;
  return entry;
}

LayerDescription BusyboxLayer() {
  LayerDescription layer;
  auto& entries = layer.entries;
  for (const char* directory : {"bin", "etc", "home", "root", "var", "var/www"}) {
    entries.push_back(DirectoryEntry(directory));
  }
  entries.push_back(DirectoryEntry("tmp", 01777));
  entries.push_back(FileEntry("bin/busybox", ReadFile("/bin/busybox"), 0755));
  for (const std::string& applet : Lines(Run("/bin/busybox", {"--list"}))) {
    if (applet != "busybox") entries.push_back(SymlinkEntry("bin/" + applet, "busybox"));
  }
  entries.push_back(FileEntry("etc/passwd",
                              "root:x:0:0:root:/root:/bin/sh\n"
                              "app:x:1234:50:app:/home:/bin/sh\n"));
  entries.push_back(FileEntry("etc/group", "root:x:0:\nstaff:x:50:app\nextra:x:60:app\n"));
  return layer;
}

ImageDescription Busybox(const std::string& reference) {
  ImageDescription image;
  image.reference = reference;
  image.layers = {BusyboxLayer()};
  image.config.env = {kPath};
  image.config.cmd = {"sh"};
  return image;
}

ImageDescription Pause() {
  ImageDescription image;
  image.reference = kPause;
  image.layers = {{{FileEntry("pause", ReadFile(CRISP_PAUSE), 0755)}, Compression::kGzip}};
  image.config.env = {kPath};
  image.config.entrypoint = {"/pause"};
  image.config.user = "65535:65535";
  return image;
}

ImageDescription StopSignal() {
  ImageDescription image = Busybox(kStopSignal);
  image.config.stop_signal = "SIGUSR1";
  return image;
}

ImageDescription Defaults() {
  ImageDescription image = Busybox(kDefaults);
  image.layers.push_back({{WithOwner(DirectoryEntry("srv"), 1234, 50)}, Compression::kGzip});
  image.config.user = "app:staff";
  image.config.env.push_back("FROM_IMAGE=yes");
  image.config.env.push_back("BOTH=image");
  image.config.entrypoint = {"sh", "-c", "echo entrypoint \"$0\" \"$@\"; id; pwd; env; sleep 1000"};
  image.config.cmd = {"cmd0", "cmd1"};
  image.config.working_dir = "/srv";
  image.labels = {{"io.kubernetes.cri.anything", "is inert"}};
  return image;
}

ImageDescription Volumes() {
  ImageDescription image = Busybox(kVolumes);
  image.layers.push_back(
      {{WithOwner(DirectoryEntry("data", 0750), 1234, 50),
        WithOwner(FileEntry("data/file", "of the image\n"), 1234, 50), SymlinkEntry("linked", "/var"),
        SymlinkEntry("out", "../../../../../../etc/ssl"), DirectoryEntry("odd"), FileEntry("odd/file", "odd\n")},
       Compression::kGzip});
  image.config.volumes = {"/data", "/linked", "/new", "/skipped/../odd"};
  return image;
}

ImageDescription WithPasswd(const std::string& reference, const std::string& passwd, const std::string& user) {
  ImageDescription image = Busybox(reference);
  image.layers.push_back({{FileEntry("etc/passwd", passwd)}, Compression::kGzip});
  image.config.user = user;
  return image;
}

// layer_test.cc says what a container must see.
ImageDescription OddLayers() {
  ImageDescription image = Busybox(kOddLayers);
  LayerEntry setuid = FileEntry("odd/setuid", "s", 06755);
  setuid.uid = 1234;
  setuid.gid = 50;
  LayerEntry capable = FileEntry("odd/xattr", "x", 0755);
  // struct vfs_cap_data, version 2, cap_net_raw permitted and effective.
  capable.xattrs["security.capability"] =
      std::string("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  capable.xattrs["user.note"] = "kept";
  LayerEntry sparse = FileEntry("odd/sparse", "");
  sparse.content = std::string(1 << 20, '\0') + "data" + std::string(1 << 20, '\0');
  sparse.data = {{1 << 20, 4}};
  const std::string long_name(200, 'n');
  const std::string deep = "odd/" + std::string(90, 'a') + "/" + std::string(90, 'b') + "/" + std::string(90, 'c');
  image.layers.push_back({{
                              DirectoryEntry("odd"),
                              setuid,
                              capable,
                              sparse,
                              FileEntry("odd/one", "hard"),
                              HardlinkEntry("odd/two", "odd/one"),
                              FileEntry("odd/" + long_name, "long"),
                              FileEntry(deep + "/file", "deep"),
                              DirectoryEntry("odd/real", 0750),
                              FileEntry("odd/real/below", "below"),
                              SymlinkEntry("odd/link", "real"),
                              SymlinkEntry("odd/absolute", "/odd/real"),
                              DirectoryEntry("odd/sticky", 01770),
                              FileEntry("odd/gone", "must not be seen"),
                              DirectoryEntry("odd/gone-tree"),
                              FileEntry("odd/gone-tree/file", "must not be seen"),
                              DirectoryEntry("odd/opaque"),
                              FileEntry("odd/opaque/old", "must not be seen"),
                              FileEntry("odd/file-to-dir", "file"),
                              DirectoryEntry("odd/dir-to-file"),
                              FileEntry("odd/dir-to-file/inner", "must not be seen"),
                              FifoEntry("odd/fifo"),
                          },
                          Compression::kGzip});
  image.layers.push_back({{
                              WhiteoutEntry("odd/gone"),
                              WhiteoutEntry("odd/gone-tree"),
                              OpaqueEntry("odd/opaque"),
                              FileEntry("odd/opaque/new", "new"),
                              // Its parent is a symbolic link in the layer below: it lands in odd/real.
                              FileEntry("odd/link/through-link", "through"),
                              FileEntry("odd/absolute/through-absolute", "through"),
                              // Only the layer below has its parent, whose mode must stay.
                              FileEntry("odd/sticky/inner", "inner"),
                              // No layer has its parents.
                              FileEntry("odd/nowhere/at/all", "made"),
                              DirectoryEntry("odd/file-to-dir"),
                              FileEntry("odd/file-to-dir/inner", "inner"),
                              FileEntry("odd/dir-to-file", "file"),
                              // A hard link within this layer.
                              FileEntry("odd/three", "again"),
                              HardlinkEntry("odd/four", "odd/three"),
                          },
                          Compression::kGzip});
  return image;
}

ImageDescription Schema2() {
  ImageDescription image = Busybox(kSchema2);
  image.layers.push_back({{FileEntry("schema2", "yes")}, Compression::kGzip});
  image.format = ManifestFormat::kDockerSchema2;
  return image;
}

// The first one of the index cannot run here.
std::vector<ImageDescription> BothPlatforms() {
  ImageDescription foreign;
  foreign.reference = kIndex;
  foreign.layers = {{{FileEntry("foreign", "yes")}, Compression::kGzip}};
  foreign.config.architecture = "s390x";
  ImageDescription mine = Busybox(kIndex);
  mine.layers.push_back({{FileEntry("index", "yes")}, Compression::kGzip});
  return {foreign, mine};
}

uint64_t BlobSize(const std::string& layout, const std::string& digest) {
  return fs::file_size(layout + "/blobs/sha256/" + digest.substr(digest.find(':') + 1));
}

std::string DescriptorJson(const std::string& media_type, const std::string& digest, uint64_t size,
                           const std::string& architecture) {
  std::string json =
      "{\"mediaType\": \"" + media_type + "\", \"digest\": \"" + digest + "\", \"size\": " + std::to_string(size);
  if (!architecture.empty()) {
    json += ", \"platform\": {\"os\": \"linux\", \"architecture\": \"" + architecture + "\"}";
  }
  return json + "}";
}

std::string IndexJson(const std::string& manifests) {
  return "{\"schemaVersion\": 2, \"mediaType\": \"application/vnd.oci.image.index.v1+json\", \"manifests\": [" +
         manifests + "]}";
}

WrittenImage WriteIndex(const std::string& layout) {
  constexpr char kManifest[] = "application/vnd.oci.image.manifest.v1+json";
  constexpr char kIndexType[] = "application/vnd.oci.image.index.v1+json";
  const std::vector<WrittenImage> images = WriteLayout(layout, BothPlatforms());
  const std::string& foreign = images[0].manifest_digest;
  const std::string& mine = images[1].manifest_digest;
  const std::string index = IndexJson(DescriptorJson(kManifest, foreign, BlobSize(layout, foreign), "s390x") + ", " +
                                      DescriptorJson(kManifest, mine, BlobSize(layout, mine), HostArchitecture()));
  WrittenImage written = images[1];
  written.digest = BlobDigest(index);
  WriteFile(layout + "/blobs/sha256/" + written.digest.substr(7), index);
  WriteFile(layout + "/index.json", IndexJson(DescriptorJson(kIndexType, written.digest, index.size(), "")));
  return written;
}

ImageDescription Big() {
  std::mt19937_64 random(1);
  std::string noise(8 << 20, '\0');
  for (size_t i = 0; i < noise.size(); i += 8) {
    const uint64_t word = random();
    noise.replace(i, 8, reinterpret_cast<const char*>(&word), 8);
  }
  ImageDescription image;
  image.reference = kBig;
  image.layers = {{{FileEntry("noise", noise)}, Compression::kGzip}};
  image.config.cmd = {"/noise"};
  return image;
}

std::string StampOf(const std::string& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) throw std::runtime_error("cannot stat " + file);
  std::ostringstream stamp;
  stamp << info.st_size << "-" << info.st_mtim.tv_sec << "-" << info.st_mtim.tv_nsec;
  return stamp.str();
}

// Keeps the layouts: tests make preload directories of them.
void MakeStore(const std::string& directory) {
  fs::remove_all(directory);
  MakeDirectory(directory + "/store");
  Registry registry(directory, directory + "/store", kPushPort, false);
  std::ostringstream record;
  int number = 0;
  const auto add = [&](const std::string& reference, const std::function<WrittenImage(const std::string&)>& write) {
    const std::string layout = directory + "/layout-" + std::to_string(number++);
    const WrittenImage written = write(layout);
    Push(layout, reference, kPushPort);
    record << reference << " " << written.digest << " " << written.config_digest << " " << layout << "\n";
  };
  for (const ImageDescription& image :
       {Pause(), Busybox(kBusybox), Busybox(kBusyboxLatest), StopSignal(), Defaults(), OddLayers(), Schema2(), Big(),
        Volumes(), WithPasswd(kOddUsers, "1000:x:0:0::/root:/bin/sh\nbell:x:5:5::/ro\aot:/bin/sh\n", "1000"),
        WithPasswd(kOverflow, "root:x:0:0::/root:/bin/sh\n", "4294967296"),
        WithPasswd(kHugePasswd, std::string(2 << 20, '#') + "\nroot:x:0:0::/root:/bin/sh\n", "")}) {
    add(image.reference, [&](const std::string& layout) { return WriteLayout(layout, {image}).front(); });
  }
  add(kIndex, WriteIndex);
  WriteFile(directory + "/images", record.str());
}

ImageStore Load() {
  // Each program has a store of its own, since the stamp is of the program too.
  const std::string cache = std::string(CRISP_E2E_CACHE) + "/" + fs::read_symlink("/proc/self/exe").filename().string();
  MakeDirectory(cache);
  const Fd lock(open((cache + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid() || flock(lock.get(), LOCK_EX) != 0) throw std::runtime_error("cannot lock " + cache + "/lock");
  const std::string directory = cache + "/images";
  const std::string stamp = StampOf("/proc/self/exe") + " " + StampOf(CRISP_PAUSE) + " " + StampOf("/bin/busybox");
  if (ReadFile(directory + "/stamp") != stamp) {
    MakeStore(directory);
    WriteFile(directory + "/stamp", stamp);
  }
  ImageStore store{directory + "/store", {}};
  for (const std::string& line : Lines(ReadFile(directory + "/images"))) {
    std::istringstream fields(line);
    std::string reference;
    StoredImage image;
    fields >> reference >> image.digest >> image.id >> image.layout;
    store.images[reference] = image;
  }
  return store;
}

}  // namespace

void Push(const std::string& layout, const std::string& reference, int port) {
  const std::string path = reference.substr(reference.find('/') + 1);
  Run("/usr/bin/skopeo",
      {"copy", "--insecure-policy", "--all", "--preserve-digests", "--quiet", "--dest-tls-verify=false",
       "oci:" + layout, "docker://127.0.0.1:" + std::to_string(port) + "/" + path});
}

const ImageStore& Store() {
  static const ImageStore* const store = new ImageStore(Load());
  return *store;
}

}  // namespace crisp::e2e
