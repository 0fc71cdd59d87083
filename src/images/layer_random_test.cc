// Random images against a reference: the layers' tars, applied in order, entry by entry, to a tree in memory.
//
// The seed and the number of images are those below, or of the environment: CRISP_IMAGES=10000 CRISP_SEED=7.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "images/lower_view.h"
#include "images/testing/layer_test.h"
#include "os/file.h"
#include "os/mount.h"

namespace crisp {
namespace {

constexpr unsigned kSeed = 20260101;
constexpr unsigned kImages = 300;

unsigned FromEnvironment(const char* name, unsigned otherwise) {
  const char* text = getenv(name);
  unsigned number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

enum class Kind { kFile, kDir, kLink, kHardLink, kWhiteout, kOpaque };

struct Entry {
  Kind kind = Kind::kFile;
  std::string path;  // of the entry, or of what a whiteout hides
  std::string text;  // content, or target
  unsigned mode = 0;
};
using Layer = std::vector<Entry>;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool IsIn(const std::string& path, const std::string& dir) {
  return dir.empty() ? !path.empty() : absl::StartsWith(path, dir + "/");
}

// What one path of the tree is.
struct Node {
  Kind kind = Kind::kDir;
  std::string text;
  unsigned mode = 0755;
  int layer = -1;  // whose tar had it; -1 for a directory that only had to be there
};

// The reference. No link is on the way to an entry.
class Tree {
 public:
  std::map<std::string, Node> nodes;

  // Whether the entry could be in a tar that is meant to work.
  bool Takes(const Entry& entry) const {
    if (entry.kind == Kind::kWhiteout || entry.kind == Kind::kOpaque) return true;
    for (std::string dir = ParentOf(entry.path); !dir.empty(); dir = ParentOf(dir)) {
      const auto found = nodes.find(dir);
      if (found != nodes.end() && found->second.kind != Kind::kDir) return false;
    }
    if (entry.kind == Kind::kHardLink) {
      const auto target = nodes.find(entry.text);
      return target != nodes.end() && target->second.kind != Kind::kDir && entry.text != entry.path &&
             !IsIn(entry.text, entry.path);
    }
    return true;
  }

  void Apply(const Entry& entry, int layer) {
    switch (entry.kind) {
      case Kind::kWhiteout:
        if (const auto found = nodes.find(entry.path); found != nodes.end()) RemoveLower(found->first, layer);
        return;
      case Kind::kOpaque:
        if (entry.path.empty() || nodes.contains(entry.path)) RemoveLowerIn(entry.path, layer);
        return;
      case Kind::kDir:
        MakeParents(entry.path);
        if (nodes.contains(entry.path) && nodes[entry.path].kind != Kind::kDir) RemoveAll(entry.path);
        nodes[entry.path] = {Kind::kDir, "", entry.mode, layer};
        return;
      default:
        break;
    }
    Node node{entry.kind, entry.text, entry.mode, layer};
    if (entry.kind == Kind::kHardLink) {
      node = nodes.at(entry.text);
      node.layer = layer;
    }
    MakeParents(entry.path);
    RemoveAll(entry.path);
    nodes[entry.path] = node;
  }

 private:
  void MakeParents(const std::string& path) {
    for (std::string dir = ParentOf(path); !dir.empty(); dir = ParentOf(dir)) nodes.try_emplace(dir);
  }

  // `path` may be a key of `nodes`, and so goes with its node.
  void RemoveAll(const std::string& path) {
    std::erase_if(nodes, [top = path](const auto& node) { return node.first == top || IsIn(node.first, top); });
  }

  // Whether `path` or something in it is of this layer's tar.
  bool IsOwn(const std::string& path, int layer) const {
    for (const auto& [other, node] : nodes) {
      if ((other == path || IsIn(other, path)) && node.layer == layer) return true;
    }
    return false;
  }

  void RemoveLower(const std::string& path, int layer) {
    if (!IsOwn(path, layer)) return RemoveAll(path);
    RemoveLowerIn(path, layer);
    Node& node = nodes.at(path);
    if (node.layer != layer) node = Node{};
  }

  void RemoveLowerIn(const std::string& dir, int layer) {
    std::vector<std::string> inside;
    for (const auto& [path, node] : nodes) {
      if (IsIn(path, dir)) inside.push_back(path);
    }
    for (const std::string& path : inside) {
      if (!nodes.contains(path) || nodes[path].layer == layer) continue;
      if (IsOwn(path, layer)) {
        nodes[path] = Node{};
      } else {
        RemoveAll(path);
      }
    }
  }
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::vector<Layer> Image() {
    Tree tree;
    std::vector<Layer> layers(2 + Below(4));
    for (size_t i = 0; i < layers.size(); ++i) {
      const unsigned entries = 1 + Below(8);
      for (unsigned n = 0; n < entries; ++n) {
        const Entry entry = AnyEntry(tree);
        if (!tree.Takes(entry)) continue;
        tree.Apply(entry, static_cast<int>(i));
        layers[i].push_back(entry);
      }
    }
    return layers;
  }

 private:
  unsigned Below(unsigned end) { return static_cast<unsigned>(random_() % end); }

  // Few names, so that entries meet.
  std::string AnyPath(unsigned deepest) {
    std::vector<std::string> names;
    const unsigned depth = 1 + Below(deepest);
    for (unsigned i = 0; i < depth; ++i) names.emplace_back(1, "abc"[Below(3)]);
    return absl::StrJoin(names, "/");
  }

  Entry AnyEntry(const Tree& tree) {
    static constexpr unsigned kModes[] = {0700, 0711, 0750, 0755};
    static constexpr Kind kKinds[] = {Kind::kFile,     Kind::kFile,     Kind::kFile,     Kind::kDir,
                                      Kind::kDir,      Kind::kLink,     Kind::kHardLink, Kind::kWhiteout,
                                      Kind::kWhiteout, Kind::kWhiteout, Kind::kOpaque};
    Entry entry{kKinds[Below(std::size(kKinds))], AnyPath(3), absl::StrCat(++serial_), kModes[Below(4)]};
    if (entry.kind == Kind::kLink) entry.mode = 0777;
    if (entry.kind == Kind::kOpaque && Below(8) == 0) entry.path = "";
    if (entry.kind == Kind::kHardLink && !tree.nodes.empty()) {
      entry.text = std::next(tree.nodes.begin(), Below(static_cast<unsigned>(tree.nodes.size())))->first;
    }
    return entry;
  }

  std::mt19937 random_;
  unsigned serial_ = 0;
};

TarBuilder TarOf(const Layer& layer) {
  TarBuilder tar;
  for (const Entry& entry : layer) {
    const std::string parent = ParentOf(entry.path), slash = parent.empty() ? "" : "/";
    const std::string name = entry.path.substr(parent.size() + slash.size());
    switch (entry.kind) {
      case Kind::kFile:
        tar.File(entry.path, entry.text, entry.mode);
        break;
      case Kind::kDir:
        tar.Dir(entry.path, entry.mode);
        break;
      case Kind::kLink:
        tar.Symlink(entry.path, entry.text);
        break;
      case Kind::kHardLink:
        tar.Link(entry.path, entry.text);
        break;
      case Kind::kWhiteout:
        tar.File(absl::StrCat(parent, slash, ".wh.", name), "");
        break;
      case Kind::kOpaque:
        tar.File(absl::StrCat(entry.path, entry.path.empty() ? "" : "/", ".wh..wh..opq"), "");
        break;
    }
  }
  return tar;
}

// As ListTree writes it, without owner and time.
std::string LineOf(const Node& node) {
  switch (node.kind) {
    case Kind::kDir:
      return absl::StrCat("dir ", node.mode);
    case Kind::kLink:
      return absl::StrCat("link ", node.text);
    default:
      return absl::StrCat("file ", node.mode, " ", node.text);
  }
}

std::string Show(const std::vector<Layer>& layers) {
  static const char* const kNames[] = {"file", "dir", "link", "hard link", "whiteout", "opaque"};
  std::string text;
  for (size_t i = 0; i < layers.size(); ++i) {
    absl::StrAppend(&text, "layer ", i, "\n");
    for (const Entry& entry : layers[i]) {
      absl::StrAppend(&text, "  ", kNames[static_cast<int>(entry.kind)], " ", entry.path, " ", entry.text, "\n");
    }
  }
  return text;
}

// On a tmpfs, where syncs take no time.
class LayerRandomTest : public LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    if (IsSkipped()) return;
    store_.reset();
    database_.reset();
    ASSERT_TRUE(MakeDirs(place_, 0755).ok());
    ASSERT_EQ(MountTmpfs(place_, "256m", "0755"), absl::OkStatus());
    layout_ = std::make_unique<Layout>(place_ + "/root", place_ + "/state", true);
    OpenStore();
  }
  void TearDown() override {
    LayerTest::TearDown();
    if (!IsSkipped()) {
      EXPECT_EQ(Unmount(place_), absl::OkStatus());
    }
  }

  // What the kernel shows. Names that are listed but cannot be found are in it, too.
  std::map<std::string, std::string> Look(const std::string& target) {
    std::map<std::string, std::string> seen;
    std::vector<std::string> todo = {""};
    while (!todo.empty()) {
      const std::string dir = todo.back();
      todo.pop_back();
      for (const std::string& name : Names(absl::StrCat(target, "/", dir))) {
        const std::string path = dir.empty() ? name : absl::StrCat(dir, "/", name);
        struct stat info {};
        if (lstat(absl::StrCat(target, "/", path).c_str(), &info) != 0) {
          seen[path] = "listed, but not there";
          continue;
        }
        Node node{Kind::kFile, "", info.st_mode & 07777u};
        if (S_ISDIR(info.st_mode)) {
          node.kind = Kind::kDir;
          todo.push_back(path);
        } else if (S_ISLNK(info.st_mode)) {
          node.kind = Kind::kLink;
          node.text = *ReadLinkAt(AT_FDCWD, absl::StrCat(target, "/", path));
        } else {
          node.text = *ReadFileAt(AT_FDCWD, absl::StrCat(target, "/", path), 1000);
        }
        seen[path] = LineOf(node);
      }
    }
    return seen;
  }

  void Check(const std::vector<Layer>& layers) {
    Tree tree;
    std::vector<LayerDescriptor> descriptors;
    for (size_t i = 0; i < layers.size(); ++i) {
      for (const Entry& entry : layers[i]) tree.Apply(entry, static_cast<int>(i));
      const TarBuilder tar = TarOf(layers[i]);
      descriptors.push_back(source_.Add(tar.Build(), tar.Build()));
    }
    std::map<std::string, std::string> wanted;
    for (const auto& [path, node] : tree.nodes) wanted[path] = LineOf(node);
    {
      const absl::StatusOr<LayerLease> lease = Unpack(descriptors, 0);
      ASSERT_EQ(lease.status(), absl::OkStatus()) << Show(layers);
      const std::string target = place_ + "/merged";
      ASSERT_TRUE(MakeDirs(target, 0755).ok());
      ASSERT_EQ(store_->MountRootfs(lease->chain_ids(), "c", target), absl::OkStatus());
      EXPECT_EQ(Look(target), wanted) << Show(layers);
      ASSERT_EQ(store_->ReleaseRootfs("c", target), absl::OkStatus());
    }
    ASSERT_EQ(store_->CollectGarbage(), absl::OkStatus());
  }

  const std::string place_ = dir_ + "/place";
};

TEST_F(LayerRandomTest, AnImageIsWhatItsTarsMakeInOrder) {
  const unsigned seed = FromEnvironment("CRISP_SEED", kSeed);
  const unsigned images = FromEnvironment("CRISP_IMAGES", kImages);
  for (unsigned i = 0; i < images && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("image ", i, " of CRISP_SEED=", seed));
    Check(Generator(seed + i).Image());
  }
}

}  // namespace
}  // namespace crisp
