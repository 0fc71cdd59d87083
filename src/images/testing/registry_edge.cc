#include "images/testing/registry_edge.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "images/digest.h"
#include "images/reference.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr char kIndexType[] = "application/vnd.oci.image.index.v1+json";
constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

}  // namespace

RegistryEdge::RegistryEdge() : layer(std::string(2 << 20, 'l') + "end"), config(R"({"os":"linux"})") {
  manifest = ManifestJson({"application/vnd.oci.image.config.v1+json", DigestOf(config), config.size()},
                          {{"application/vnd.oci.image.layer.v1.tar", DigestOf(layer), layer.size()}});
  index = absl::StrCat(R"({"schemaVersion":2,"manifests":[{"mediaType":")", kManifestType, R"(","digest":")",
                       DigestOf(manifest), R"(","size":)", manifest.size(), "}]}");
  for (const auto& [name, server] : Servers()) {
    server->AddBlob(config);
    server->AddBlob(layer);
    server->AddManifest("library/x", "1", index, kIndexType);
    server->AddManifest("library/x", "other", manifest, kManifestType);
  }
  options.config_path = directory_.path();
  // Long enough for a healthy registry on a busy machine; rows about silence set their own.
  times.http.stall = std::chrono::seconds(30);
  times.first_pause = std::chrono::milliseconds(5);
  times.retry_after_limit = std::chrono::milliseconds(20000);
}

std::vector<std::pair<std::string, FakeRegistry*>> RegistryEdge::Servers() {
  return {{"registry", &registry}, {"mirror", &mirror},   {"cdn", &cdn},
          {"secure", &secure},     {"guarded", &guarded}, {"both", &both}};
}

std::string RegistryEdge::Directory() const {
  return absl::StrCat(directory_.path(), "/", ParseReference(reference)->domain);
}

std::string RegistryEdge::Path(const std::string& name) const {
  return absl::StrCat(Directory(), "/", name);
}

std::string RegistryEdge::Expand(std::string text) const {
  return absl::StrReplaceAll(text, {{"$registry", registry.Url("")},
                                    {"$mirror", mirror.Url("")},
                                    {"$cdn", cdn.Url("")},
                                    {"$secure", secure.Url("")},
                                    {"$guarded", guarded.Url("")},
                                    {"$both", both.Url("")},
                                    {"$DIR", Directory()}});
}

void RegistryEdge::File(const std::string& name, const std::string& contents) {
  ASSERT_TRUE(MakeDirs(Directory(), 0755).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, Path(name), contents, 0644).ok());
}

void RegistryEdge::Hosts(const std::string& text) {
  File("hosts.toml", Expand(text));
}

absl::StatusOr<std::unique_ptr<RegistryClient>> RegistryEdge::Client() {
  warnings_.clear();
  return RegistryClient::Create(options, *ParseReference(reference), auth, &counters_, times, &warnings_);
}

std::string RegistryEdge::WhoGave(const std::string& part) {
  for (const auto& [name, server] : Servers()) {
    for (const std::string& answer : server->answers()) {
      const bool good = absl::EndsWith(answer, " 200") || absl::EndsWith(answer, " 206");
      if (good && absl::StrContains(answer, part)) return name;
    }
  }
  return "nobody";
}

std::string RegistryEdge::Pull() {
  const absl::StatusOr<std::unique_ptr<RegistryClient>> client = Client();
  if (!client.ok()) return std::string(client.status().message());
  const absl::StatusOr<RawManifest> top = (*client)->FetchManifest(CallContext());
  if (!top.ok()) return std::string(top.status().message());
  EXPECT_EQ(top->body, index);
  const auto child = (*client)->FetchManifest({kManifestType, DigestOf(manifest), manifest.size()}, CallContext());
  if (!child.ok()) return std::string(child.status().message());
  const auto blob = (*client)->FetchBlob({"", DigestOf(config), config.size()}, CallContext());
  if (!blob.ok()) return std::string(blob.status().message());
  std::string got;
  const absl::Status fetched = (*client)->Fetch(
      {.digest = DigestOf(layer), .size = layer.size(), .diff_id = ""},
      [&](absl::string_view bytes) {
        got.append(bytes.data(), bytes.size());
        return absl::OkStatus();
      },
      CallContext());
  if (!fetched.ok()) return std::string(fetched.message());
  EXPECT_TRUE(got == layer) << "the layer is not what the registry has";
  return absl::StrCat("tag ", WhoGave("/manifests/1 "), ", manifest ", WhoGave("/manifests/" + DigestOf(manifest)),
                      ", layer ", WhoGave(DigestOf(layer)), warnings_.empty() ? "" : "; ",
                      absl::StrJoin(warnings_, "; "));
}

std::string RegistryEdge::PullAgain() {
  const absl::StatusOr<std::unique_ptr<RegistryClient>> client = Client();
  if (!client.ok()) return std::string(client.status().message());
  const absl::StatusOr<Resolved> resolved = (*client)->Resolve(CallContext());
  if (!resolved.ok()) return std::string(resolved.status().message());
  EXPECT_EQ(resolved->digest, DigestOf(index));
  return absl::StrCat("digest from ", WhoGave("/manifests/1 "));
}

std::string RegistryEdge::Headers(const FakeRegistry& server, const std::string& part, const std::string& name) {
  std::vector<std::string> values;
  for (const FakeRequest& request : server.requests()) {
    if (absl::StrContains(request.path, part)) values.push_back(absl::StrCat(name, ": ", request.Header(name)));
  }
  return absl::StrJoin(values, "; ");
}

}  // namespace crisp
