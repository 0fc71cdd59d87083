// Any tar as a layer: nothing outside the layer's directory changes, and no memory is misused.
//
// Unpacks below /dev/shm; needs root, as the daemon does. An input is a recipe for a tar, since random bytes are none:
// a header whose checksum is wrong is refused before anything else is looked at. Its first byte says whether there is a
// lower layer to look into, and whether the rest is the tar's own bytes or what its entries are made from. Entries have
// names and targets of few words, so that they meet each other and what stands in the lower layer; then bytes of the
// tar are overwritten at random, and the checksums of its headers mended.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "images/tar_applier.h"
#include "images/testing/tar_builder.h"
#include "os/file.h"

namespace crisp {
namespace {

struct Place {
  std::string dir;
  timespec changed{};

  Place() {
    char name[] = "/dev/shm/crisp-fuzz-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    dir = name;
    Must(MakeDirs(dir + "/outside/sub", 0700));
    Must(WriteFileAt(AT_FDCWD, dir + "/outside/secret", "secret", 0600));
    Must(MakeDirs(dir + "/lower/etc/d", 0711));
    Must(WriteFileAt(AT_FDCWD, dir + "/lower/etc/f", "f", 0600));
    if (symlink("../outside", (dir + "/lower/out").c_str()) != 0) std::abort();
    if (symlink("/etc/d", (dir + "/lower/l").c_str()) != 0) std::abort();
    changed = Changed();
  }
  ~Place() { (void)RemoveTree(dir); }

  static void Must(const absl::Status& status) {
    if (!status.ok()) std::abort();
  }

  // A change of any file of these, or of their names, changes one of the times.
  timespec Changed() const {
    timespec newest{};
    for (const char* name : {"/outside", "/outside/sub", "/outside/secret", "/lower", "/lower/etc", "/lower/etc/d",
                             "/lower/etc/f", "/lower/out", "/lower/l"}) {
      struct stat info {};
      if (lstat((dir + name).c_str(), &info) != 0) std::abort();
      if (info.st_ctim.tv_sec > newest.tv_sec ||
          (info.st_ctim.tv_sec == newest.tv_sec && info.st_ctim.tv_nsec > newest.tv_nsec)) {
        newest = info.st_ctim;
      }
    }
    return newest;
  }
};

// The bytes that libFuzzer varies, taken from the front; zeros behind the last.
class Recipe {
 public:
  explicit Recipe(absl::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  absl::string_view rest() const { return bytes_; }
  unsigned Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_[0]);
    bytes_.remove_prefix(1);
    return byte;
  }
  unsigned Short() {
    const unsigned high = Byte();
    return high << 8 | Byte();
  }
  std::string Text(size_t size) {
    const std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(text.size());
    return text;
  }
  template <size_t n>
  const char* OneOf(const char* const (&words)[n]) {
    return words[Byte() % n];
  }

 private:
  absl::string_view bytes_;
};

// Names of the lower layer and of the place beside it, and all that has a meaning in a path.
std::string Path(Recipe& recipe) {
  static constexpr const char* kWords[] = {"a",    "b",      "etc",     "d",     "f",     "l",       "out",
                                           "..",   ".",      "",        "sub",   ".wh.a", ".wh.etc", ".wh..wh..opq",
                                           ".wh.", ".wh...", "outside", "secret"};
  const unsigned shape = recipe.Byte();
  if (shape % 16 == 15) return recipe.Text(recipe.Byte());
  std::string path = shape % 16 == 14 ? "/" : "";
  for (unsigned i = 0; i <= shape / 16 % 5; ++i) path += (i > 0 ? "/" : "") + std::string(recipe.OneOf(kWords));
  return shape % 16 == 13 ? path + "/" : path;
}

std::string PaxValue(Recipe& recipe) {
  static constexpr const char* kValues[] = {"0", "1", "-1", "512", "18446744073709551616", "1.5", "1,2,3,4", ""};
  switch (recipe.Byte() % 3) {
    case 0:
      return Path(recipe);
    case 1:
      return recipe.OneOf(kValues);
    default:
      return recipe.Text(recipe.Byte());
  }
}

TarEntry Entry(Recipe& recipe) {
  static constexpr char kTypes[] = "00001222555346KLgxSV7";
  static constexpr const char* kKeys[] = {"path",
                                          "linkpath",
                                          "size",
                                          "uid",
                                          "gid",
                                          "mtime",
                                          "hdrcharset",
                                          "SCHILY.xattr.user.a",
                                          "SCHILY.xattr.security.capability",
                                          "SCHILY.xattr.trusted.overlay.opaque",
                                          "SCHILY.xattr.trusted.overlay.redirect",
                                          "LIBARCHIVE.xattr.user.b",
                                          "SCHILY.fflags",
                                          "GNU.sparse.major",
                                          "GNU.sparse.minor",
                                          "GNU.sparse.name",
                                          "GNU.sparse.realsize",
                                          "GNU.sparse.map",
                                          "SCHILY.devmajor"};
  TarEntry entry;
  entry.type = kTypes[recipe.Byte() % (sizeof(kTypes) - 1)];
  entry.name = Path(recipe);
  if (entry.type == '1' || entry.type == '2' || recipe.Byte() % 16 == 0) entry.link = Path(recipe);
  entry.mode = recipe.Short() & 07777;
  entry.uid = recipe.Byte() % 8 == 0 ? -static_cast<int64_t>(recipe.Short()) : recipe.Byte();
  entry.gid = recipe.Byte();
  entry.major = recipe.Byte() % 2;
  entry.minor = recipe.Byte() % 8;
  for (unsigned left = recipe.Byte() % 4; left > 0; --left) {
    std::string key = recipe.OneOf(kKeys);
    entry.pax[std::move(key)] = PaxValue(recipe);
  }
  if (entry.type != '1' && entry.type != '2' && entry.type != '5') {
    const unsigned size = recipe.Byte();
    entry.content = recipe.Byte() % 8 == 0 ? std::string(size * 300, 'x') : recipe.Text(size);
  }
  return entry;
}

constexpr size_t kBlock = 512;
constexpr size_t kSum = 148;    // of a header (pax(1), "ustar Interchange Format"): eight bytes, taken as blanks
constexpr size_t kMagic = 257;  // "ustar"

void MendChecksums(std::string* tar) {
  for (size_t at = 0; at + kBlock <= tar->size(); at += kBlock) {
    char* const header = tar->data() + at;
    if (at > 0 && std::memcmp(header + kMagic, "ustar", 5) != 0) continue;
    std::memset(header + kSum, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(header[i]);
    std::snprintf(header + kSum, 8, "%06o", sum);
  }
}

std::string Tar(Recipe& recipe, bool of_entries) {
  if (!of_entries) {
    std::string tar(recipe.rest());
    MendChecksums(&tar);
    return tar;
  }
  TarBuilder builder;
  const unsigned damages = recipe.Byte() % 4;
  std::string places;
  for (unsigned i = 0; i < damages; ++i) places += recipe.Text(3);
  for (int left = 32; left > 0 && !recipe.empty(); --left) builder.Add(Entry(recipe));
  std::string tar = builder.Build();
  Recipe damage(places);
  while (!damage.empty()) {
    const size_t place = damage.Short() % tar.size();
    tar[place] = static_cast<char>(damage.Byte());
  }
  MendChecksums(&tar);
  return tar;
}

void Apply(const Place& place, absl::string_view tar, bool with_lower) {
  const std::string root = place.dir + "/root";
  Place::Must(MakeDirs(root, 0700));
  bool given = false;
  const auto result = ApplyTar(
      [&]() -> absl::StatusOr<absl::string_view> {
        if (given) return absl::string_view();
        given = true;
        return tar;
      },
      *OpenAt(AT_FDCWD, root, O_RDONLY | O_DIRECTORY),
      [&]() -> absl::StatusOr<LowerView> {
        std::vector<std::string> lower;
        if (with_lower) lower.push_back(place.dir + "/lower");
        return LowerView(std::move(lower));
      },
      CallContext());
  (void)result;
  Place::Must(RemoveTree(root));
}

}  // namespace
}  // namespace crisp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const crisp::Place place;
  crisp::Recipe recipe(absl::string_view(reinterpret_cast<const char*>(data), size));
  const unsigned how = recipe.Byte();
  crisp::Apply(place, crisp::Tar(recipe, (how & 2) == 0), (how & 1) != 0);
  const timespec now = place.Changed();
  if (now.tv_sec != place.changed.tv_sec || now.tv_nsec != place.changed.tv_nsec) std::abort();
  if (access((place.dir + "/outside/secret").c_str(), F_OK) != 0) std::abort();
  return 0;
}
