// Which manifest of an index is chosen, out of an image source in memory.
#include "images/manifest_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/step_log.h"
#include "images/digest.h"

namespace crisp {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kManifest[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kIndex[] = "application/vnd.oci.image.index.v1+json";

class Memory : public ImageSource {
 public:
  std::map<std::string, std::string> blobs;
  std::map<std::string, absl::Status> faults;
  int fetches = 0;

  absl::StatusOr<RawManifest> FetchManifest(const Descriptor& descriptor, const CallContext& call) override {
    absl::StatusOr<std::string> body = FetchBlob(descriptor, call);
    if (!body.ok()) return body.status();
    return RawManifest{*std::move(body), "", descriptor.digest};
  }
  absl::StatusOr<std::string> FetchBlob(const Descriptor& descriptor, const CallContext&) override {
    ++fetches;
    if (faults.contains(descriptor.digest)) return faults[descriptor.digest];
    if (!blobs.contains(descriptor.digest)) return absl::NotFoundError(absl::StrCat("no ", descriptor.digest));
    return blobs[descriptor.digest];
  }
  absl::Status Fetch(const LayerDescriptor&, const Sink&, const CallContext&) override {
    return absl::UnimplementedError("there are no layers");
  }
};

class ManifestSearchTest : public testing::Test {
 protected:
  json Put(const std::string& bytes, const std::string& media_type) {
    source_.blobs[DigestOf(bytes)] = bytes;
    return {{"mediaType", media_type}, {"digest", DigestOf(bytes)}, {"size", bytes.size()}};
  }

  // The descriptor of an image whose config has this platform.
  json Image(const std::string& architecture, const std::string& note = "", const std::string& variant = "") {
    json config = {{"os", "linux"}, {"architecture", architecture}, {"note", note}, {"rootfs", {{"type", "layers"}}}};
    if (architecture.empty()) config.erase("architecture");
    if (!variant.empty()) config["variant"] = variant;
    const json manifest = {{"schemaVersion", 2},
                           {"config", Put(config.dump(), "application/vnd.oci.image.config.v1+json")},
                           {"layers", json::array()}};
    json descriptor = Put(manifest.dump(), kManifest);
    names_[manifest["config"]["digest"]] = note;
    return descriptor;
  }

  static json For(json descriptor, const std::string& architecture, const std::string& variant = "") {
    descriptor["platform"] = {{"os", "linux"}, {"architecture", architecture}, {"variant", variant}};
    return descriptor;
  }

  json Index(const std::vector<json>& entries) {
    return Put(json{{"schemaVersion", 2}, {"mediaType", kIndex}, {"manifests", entries}}.dump(), kIndex);
  }

  absl::StatusOr<FoundManifest> Find(const json& top) {
    StepLog log("test", {});
    return FindManifest(source_, {source_.blobs.at(top["digest"]), top["mediaType"], top["digest"]}, CallContext(),
                        log);
  }

  // The note of the image that is found, or the error.
  std::string Found(const json& top) {
    const absl::StatusOr<FoundManifest> found = Find(top);
    return found.ok() ? names_.at(found->manifest.config.digest) : found.status().ToString();
  }

  const std::string mine_ = HostPlatform().architecture;
  const std::string my_32_bits_ = mine_ == "amd64" ? "386" : "arm";
  const std::string my_other_name_ = mine_ == "amd64" ? "x86_64" : "aarch64";
  Memory source_;
  std::map<std::string, std::string> names_;
};

TEST_F(ManifestSearchTest, AManifestIsFoundAsItIs) {
  EXPECT_EQ(Found(Image("s390x", "alone")), "alone");
}

TEST_F(ManifestSearchTest, TheBestOfTheEntriesThatNameThePlatformIsTaken) {
  const json beyond = For(Image(mine_, "beyond"), mine_, "v99");
  const json narrow = For(Image(my_32_bits_, "32 bits"), my_32_bits_);
  const json own = For(Image(mine_, "own"), my_other_name_);
  const json unnamed = Image(mine_, "unnamed");
  EXPECT_EQ(Found(Index({beyond, narrow, unnamed, own})), "own");
  EXPECT_EQ(Found(Index({unnamed, beyond, narrow})), "32 bits");
  EXPECT_EQ(Found(Index({beyond, unnamed})), "unnamed");
  EXPECT_THAT(Found(Index({beyond})), HasSubstr(absl::StrCat("only for: linux/", mine_, "/v99")));
}

TEST_F(ManifestSearchTest, EntriesWithoutAPlatformAreLookedInto) {
  const json other = Image("s390x", "other"), own = Image(my_other_name_, "own"), second = Image(mine_, "second");
  const json narrow = Image(my_32_bits_, "32 bits"), silent = Image("", "silent");
  EXPECT_EQ(Found(Index({other, own, second})), "own");
  EXPECT_EQ(Found(Index({other, narrow, second})), "second");
  EXPECT_EQ(Found(Index({other, narrow})), "32 bits");
  EXPECT_EQ(Found(Index({narrow, silent})), "silent");
  EXPECT_EQ(Found(Index({Image(mine_, "beyond", "v99"), second})), "second");
  const absl::StatusOr<FoundManifest> none = Find(Index({other}));
  EXPECT_TRUE(absl::IsNotFound(none.status())) << none.status();
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("only for: linux/s390x"));
}

TEST_F(ManifestSearchTest, TheConfigThatWasReadForItsPlatformIsHandedOn) {
  const absl::StatusOr<FoundManifest> found = Find(Index({Image(mine_, "own")}));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(DigestOf(found->config_json), found->manifest.config.digest);
}

TEST_F(ManifestSearchTest, AnEntryThatCannotBeUsedDoesNotVoidTheIndex) {
  const json own = Image(mine_, "own"), nested = Index({For(Image("s390x", "other"), "s390x")});
  json absent = Image(mine_, "absent");
  source_.blobs.erase(absent["digest"]);
  const json artifact =
      Put(json{{"schemaVersion", 2}, {"config", Put("{}", "application/vnd.x")}, {"layers", json::array()}}.dump(),
          kManifest);
  const json noise = Put("<html>", kManifest);
  const json broken = {{"mediaType", kManifest}, {"digest", "md5:x"}, {"size", -1}};
  EXPECT_EQ(Found(Index({absent, artifact, noise, broken, nested, own})), "own");
  EXPECT_EQ(Found(Index({For(nested, mine_), For(own, mine_)})), "own") << "a nested index without an entry for it";
  EXPECT_EQ(Found(Index({nested, For(absent, "s390x"), own})), "own");
  EXPECT_THAT(Found(Index({artifact})), HasSubstr("cannot be used"));
}

TEST_F(ManifestSearchTest, ARegistryThatIsGoneIsNotTakenForAnImageOfOthers) {
  const json own = Image(mine_, "own");
  source_.faults[own["digest"]] = absl::UnavailableError("gone");
  EXPECT_TRUE(absl::IsUnavailable(Find(Index({own})).status()));
  EXPECT_TRUE(absl::IsUnavailable(Find(Index({For(own, mine_), For(Image(mine_, "next"), mine_)})).status()));
  EXPECT_EQ(Found(Index({own, Image(mine_, "next")})), "next");
}

TEST_F(ManifestSearchTest, ANestedIndexIsSearched) {
  const json own = For(Image(mine_, "own"), mine_);
  EXPECT_EQ(Found(Index({Index({For(Image("s390x", "x"), "s390x")}), Index({Index({own})})})), "own");
}

TEST_F(ManifestSearchTest, OnlySoManyManifestsAreLookedInto) {
  std::vector<json> entries;
  for (int i = 0; i < 500; ++i) entries.push_back(Image("s390x", absl::StrCat(i)));
  const absl::StatusOr<FoundManifest> found = Find(Index(entries));
  EXPECT_TRUE(absl::IsNotFound(found.status())) << found.status();
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("more than 100 manifests"));
  EXPECT_LE(source_.fetches, 200);
}

}  // namespace
}  // namespace crisp
