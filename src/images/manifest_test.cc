#include "images/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace crisp {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
constexpr char kDockerList[] = "application/vnd.docker.distribution.manifest.list.v2+json";

std::string Digest(char c) {
  return "sha256:" + std::string(64, c);
}

json LayerJson(const std::string& media_type = "application/vnd.oci.image.layer.v1.tar+gzip") {
  return {{"mediaType", media_type}, {"digest", Digest('b')}, {"size", 1000}};
}

json Oci() {
  return {{"schemaVersion", 2},
          {"mediaType", kOciManifest},
          {"config", {{"mediaType", "application/vnd.oci.image.config.v1+json"}, {"digest", Digest('a')}, {"size", 7}}},
          {"layers", {LayerJson()}}};
}

json Entry(const std::string& os, const std::string& architecture, const std::string& variant, char digest) {
  json entry = {{"mediaType", kOciManifest},
                {"digest", Digest(digest)},
                {"size", 5},
                {"platform", {{"os", os}, {"architecture", architecture}}}};
  if (!variant.empty()) entry["platform"]["variant"] = variant;
  return entry;
}

json IndexOf(std::vector<json> entries) {
  return {{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", std::move(entries)}};
}

absl::StatusOr<Manifest> AsManifest(const json& document, const std::string& type = "") {
  absl::StatusOr<std::variant<Manifest, Index>> parsed = ParseManifest(document.dump(), type);
  if (!parsed.ok()) return parsed.status();
  return std::get<Manifest>(*parsed);
}

void ExpectRefused(const std::string& body, const std::string& type, const std::string& why) {
  const auto parsed = ParseManifest(body, type);
  ASSERT_FALSE(parsed.ok()) << body.substr(0, 500);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(why));
}

void ExpectRefused(const json& document, const std::string& why) {
  ExpectRefused(document.dump(), "", why);
}

TEST(ManifestTest, ReadsAnOciManifest) {
  const absl::StatusOr<Manifest> manifest = AsManifest(Oci(), std::string(kOciManifest) + "; charset=utf-8");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->config.digest, Digest('a'));
  EXPECT_EQ(manifest->config.size, 7u);
  ASSERT_EQ(manifest->layers.size(), 1u);
  EXPECT_EQ(manifest->layers[0].digest, Digest('b'));
  EXPECT_EQ(manifest->layers[0].size, 1000u);
}

TEST(ManifestTest, ReadsADockerManifest) {
  json docker = Oci();
  docker["mediaType"] = kDockerManifest;
  docker["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json";
  docker["layers"] = {LayerJson("application/vnd.docker.image.rootfs.diff.tar.gzip")};
  EXPECT_TRUE(AsManifest(docker, kDockerManifest).ok());
}

TEST(ManifestTest, ATypeThatNobodyNamesIsSeenFromTheContent) {
  json manifest = Oci();
  manifest.erase("mediaType");
  EXPECT_TRUE(AsManifest(manifest).ok());
  EXPECT_TRUE(AsManifest(manifest, "application/json").ok());
  json index = IndexOf({Entry("linux", "amd64", "", 'c')});
  index.erase("mediaType");
  EXPECT_TRUE(std::holds_alternative<Index>(*ParseManifest(index.dump(), "text/plain")));
}

TEST(ManifestTest, UrlsOfALayerAreIgnored) {
  json manifest = Oci();
  manifest["layers"][0]["urls"] = {"http://evil.example/blob"};
  EXPECT_TRUE(AsManifest(manifest).ok());
}

TEST(ManifestTest, BothAManifestAndAnIndexIsRefused) {
  json both = Oci();
  both["manifests"] = {Entry("linux", "amd64", "", 'c')};
  for (const char* type : {"", kOciManifest, kOciIndex, kDockerManifest, kDockerList}) {
    ExpectRefused(both.dump(), type, "two different images");
  }
  json index = IndexOf({});
  index["config"] = Oci()["config"];
  ExpectRefused(index, "\"config\"");
}

TEST(ManifestTest, TypesThatContradictEachOtherAreRefused) {
  ExpectRefused(Oci().dump(), kOciIndex, "calls itself");
  ExpectRefused(Oci().dump(), kDockerList, "calls itself");
  json untyped = Oci();
  untyped.erase("mediaType");
  ExpectRefused(untyped.dump(), kOciIndex, "the other kind");
  json index = IndexOf({});
  index.erase("mediaType");
  ExpectRefused(index.dump(), kOciManifest, "the other kind");
}

TEST(ManifestTest, TypesOfTheSameKindDoNotContradictEachOther) {
  json docker = Oci();
  docker["mediaType"] = kDockerManifest;
  json unknown = Oci();
  unknown["mediaType"] = "application/x";
  for (const json& manifest : {Oci(), docker}) {
    for (const char* type : {"", kOciManifest, kDockerManifest, "application/json", "text/html; charset=utf-8"}) {
      EXPECT_TRUE(AsManifest(manifest, type).ok()) << type;
    }
  }
  EXPECT_TRUE(AsManifest(unknown, kDockerManifest).ok());
  json list = IndexOf({Entry("linux", "amd64", "", 'c')});
  for (const char* own : {kOciIndex, kDockerList}) {
    list["mediaType"] = own;
    for (const char* type : {"", kOciIndex, kDockerList, "application/octet-stream"}) {
      const auto parsed = ParseManifest(list.dump(), type);
      ASSERT_TRUE(parsed.ok()) << own << " " << type << " " << parsed.status();
      EXPECT_TRUE(std::holds_alternative<Index>(*parsed));
    }
  }
}

TEST(ManifestTest, AConfigMayHaveNoMediaType) {
  json manifest = Oci();
  manifest["config"]["mediaType"] = "";
  EXPECT_TRUE(AsManifest(manifest).ok());
  manifest["config"].erase("mediaType");
  EXPECT_TRUE(AsManifest(manifest).ok());
}

TEST(ManifestTest, ThereMayBeNoLayers) {
  json manifest = Oci();
  for (const json& none : {json::array(), json(nullptr)}) {
    manifest["layers"] = none;
    const auto parsed = AsManifest(manifest, kOciManifest);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_TRUE(parsed->layers.empty());
  }
}

TEST(ManifestTest, EveryKindOfLayerThatIsATarIsTaken) {
  for (const char* type :
       {"application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd", "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"}) {
    json manifest = Oci();
    manifest["layers"] = {LayerJson(type)};
    EXPECT_TRUE(AsManifest(manifest).ok()) << type;
    EXPECT_EQ(IsForeignLayer(type), std::string(type).find("foreign") != std::string::npos ||
                                        std::string(type).find("nondistributable") != std::string::npos);
  }
}

TEST(ManifestTest, Schema1IsRefusedWithWhatToDo) {
  ExpectRefused(R"({"schemaVersion":1,"name":"x","fsLayers":[]})", "", "push the image again");
  ExpectRefused(R"({"schemaVersion":1})", "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1");
}

TEST(ManifestTest, LayersThatCannotBeUnpackedAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "encrypted"},
      {"application/vnd.in-toto+json", "is not supported"},
      {"", "is not supported"}};
  for (const auto& [type, why] : cases) {
    json manifest = Oci();
    manifest["layers"] = {LayerJson(type)};
    ExpectRefused(manifest, why);
    ExpectRefused(manifest, Digest('b'));
  }
}

TEST(ManifestTest, AnArtifactIsNoImage) {
  json artifact = Oci();
  artifact["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json";
  ExpectRefused(artifact, "artifact");
}

TEST(ManifestTest, FieldsOfWrongFormAreRefused) {
  const auto with = [](const char* pointer, json value) {
    json manifest = Oci();
    manifest[json::json_pointer(pointer)] = std::move(value);
    return manifest;
  };
  ExpectRefused(with("/schemaVersion", 3), "schemaVersion");
  ExpectRefused(with("/schemaVersion", "2"), "schemaVersion");
  ExpectRefused(with("/mediaType", 5), "mediaType");
  ExpectRefused(with("/mediaType", "application/x"), "is not that of an image");
  ExpectRefused(with("/config", nullptr), "\"config\" is missing");
  ExpectRefused(with("/config", json::array()), "\"config\" is not an object");
  ExpectRefused(with("/config/size", -1), "size");
  ExpectRefused(with("/config/size", 0), "0 bytes");
  ExpectRefused(with("/config/size", 5 << 20), "bytes");
  ExpectRefused(with("/config/digest", "sha256:../../x"), "digest");
  ExpectRefused(with("/layers", json::object()), "\"layers\" is not a list");
  ExpectRefused(with("/layers/0", "x"), "not an object");
  ExpectRefused(with("/layers/0/size", 1.5), "size");
  ExpectRefused(with("/layers/0/size", 18446744073709551615u), "is larger than");
  ExpectRefused(with("/layers/0/digest", nullptr), "digest");
  ExpectRefused(with("/layers/0/digest", Digest('B')), "digest");
  ExpectRefused(with("/layers/0/mediaType", std::string("a\0b", 3)), "NUL");
}

TEST(ManifestTest, BoundsAreKept) {
  json many = Oci();
  many["layers"] = std::vector<json>(kLayersLimit, LayerJson());
  EXPECT_TRUE(AsManifest(many).ok());
  many["layers"].push_back(LayerJson());
  ExpectRefused(many, "501 layers");
  // An index is bounded by its bytes.
  const std::string entry = Entry("linux", "s390x", "", 'c').dump();
  const std::string full = IndexOf(std::vector<json>(4'100'000 / (entry.size() + 1), json::parse(entry))).dump();
  ASSERT_LT(full.size(), kManifestBytesLimit);
  const auto index = ParseManifest(full, "");
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_GT(std::get<Index>(*index).manifests.size(), 18'000u);
  ExpectRefused(std::string(kManifestBytesLimit + 1, ' '), "", "larger than");
  ExpectRefused(R"({"a":)" + std::string(1000000, '[') + "1" + std::string(1000000, ']') + "}", "", "levels");
  std::string wide = R"({"a":[1)";
  for (int i = 0; i < 300000; ++i) wide += ",1";
  ExpectRefused(wide + "]}", "", "values");
}

TEST(ManifestTest, WhatIsNotJsonIsRefused) {
  for (const char* text : {"", "null", "[]", "{", "{\"a\":1}}", "<html>", "\"x\"", "{\"a\":\"\xff\"}"}) {
    EXPECT_FALSE(ParseManifest(text, "").ok()) << text;
  }
}

std::string Chosen(std::vector<json> entries, const Platform& host) {
  const auto parsed = ParseManifest(IndexOf(std::move(entries)).dump(), kOciIndex);
  if (!parsed.ok()) return std::string(parsed.status().message());
  std::string order;
  for (const IndexEntry& entry : EntriesFor(std::get<Index>(*parsed), host)) order += entry.descriptor.digest[7];
  return order;
}

TEST(ManifestTest, TheEntriesForThisPlatformAreOrdered) {
  const Platform amd64{"linux", "amd64", "v3"};
  EXPECT_EQ(Chosen({Entry("linux", "arm64", "v8", 'a'), Entry("linux", "amd64", "", 'b')}, amd64), "b");
  EXPECT_EQ(Chosen({Entry("windows", "amd64", "", 'a'), Entry("linux", "amd64", "", 'b')}, amd64), "b");
  EXPECT_EQ(
      Chosen({Entry("linux", "amd64", "v4", 'a'), Entry("linux", "386", "", 'b'), Entry("linux", "amd64", "", 'c'),
              Entry("linux", "x86_64", "v3", 'd'), Entry("linux", "amd64", "v2", 'e')},
             amd64),
      "decb");
  EXPECT_EQ(Chosen({Entry("linux", "amd64", "", 'a'), Entry("linux", "amd64", "v1", 'b')}, amd64), "ab");
  EXPECT_EQ(Chosen({Entry("linux", "arm64", "", 'a')}, {"linux", "arm64", ""}), "a");
  json nameless = Entry("linux", "amd64", "", 'a');
  nameless.erase("platform");
  EXPECT_EQ(Chosen({nameless, Entry("linux", "386", "", 'b')}, amd64), "ba");
  nameless["platform"] = json::object();
  EXPECT_EQ(Chosen({nameless}, amd64), "a");
  json attestation = Entry("unknown", "unknown", "", 'a');
  EXPECT_EQ(Chosen({attestation, Entry("linux", "amd64", "", 'b')}, amd64), "b");
  json artifact = Entry("linux", "amd64", "", 'a');
  artifact["mediaType"] = "application/vnd.example.artifact";
  EXPECT_EQ(Chosen({artifact}, amd64), "");
}

TEST(ManifestTest, AnEntryThatCannotBeReadDoesNotVoidTheIndex) {
  const json good = Entry("linux", "amd64", "", 'b');
  const auto broken = [&](const char* pointer, json value) {
    json entry = Entry("linux", "s390x", "", 'a');
    entry[json::json_pointer(pointer)] = std::move(value);
    return entry;
  };
  for (const json& bad : std::vector<json>{broken("/digest", "md5:1"), broken("/size", -5), broken("/size", nullptr),
                                           broken("/platform", 7), broken("/platform/os", 7),
                                           broken("/platform/os.features", 1), "text", nullptr}) {
    EXPECT_EQ(Chosen({bad, good, bad}, {"linux", "amd64", ""}), "b") << bad;
    const auto parsed = ParseManifest(IndexOf({bad}).dump(), kOciIndex);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_THAT(std::get<Index>(*parsed).first_fault, HasSubstr("manifests[0]")) << bad;
  }
  json features = Entry("linux", "amd64", "", 'a');
  features["platform"]["os.features"] = {"erofs"};
  EXPECT_EQ(Chosen({features, good}, {"linux", "amd64", ""}), "b");
}

TEST(ManifestTest, NoEntryForThisPlatformNamesThoseThatThereAre) {
  const absl::Status status = NotBuiltFor({"linux", "amd64", ""}, {"linux/arm64/v8"}, "why");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not built for linux/amd64, only for: linux/arm64/v8 ("));
  EXPECT_THAT(std::string(status.message()), HasSubstr("why"));
}

}  // namespace
}  // namespace crisp
