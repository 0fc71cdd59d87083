// Images: pulled through mirrors from a real registry, listed and removed.
#include <filesystem>
#include <future>
#include <set>

#include "e2e/fixture.h"
#include "e2e/registry.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kHttp404[] = "404";

std::string Repository(const std::string& reference) {
  return reference.substr(0, reference.rfind(':'));
}

std::string WithDigest(const std::string& reference) {
  return Repository(reference) + "@" + Store().images.at(reference).digest;
}

// Some registry hosts have mirrors that are out of order, some or all of them. Nobody listens on ports 5002 and 5003; a
// second registry can be started on 5001.
class ImageTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    const std::string mirrors = "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"";
    options.extra_toml =
        mirrors + "down.example\"]\nendpoint = [\"http://127.0.0.1:5002\", \"http://127.0.0.1:5003\"]\n" + mirrors +
        "fallback.example\"]\nendpoint = [\"http://127.0.0.1:5002\", \"http://127.0.0.1:5000\"]\n" + mirrors +
        "second.example\"]\nendpoint = [\"http://127.0.0.1:5001\", \"http://127.0.0.1:5000\"]\n" + mirrors +
        "other.example\"]\nendpoint = [\"http://127.0.0.1:5001\"]\n";
    return options;
  }

  std::unique_ptr<Registry> OtherRegistry() {
    MakeDirectory(OtherStore());
    return std::make_unique<Registry>(node().paths().directory(), OtherStore(), 5001, false);
  }
  std::string OtherStore() { return node().paths().directory() + "/other-store"; }

  cri::Image Status(const std::string& name) { return Must(cri().ImageStatus(name)).image(); }
  bool Has(const std::string& name) { return Must(cri().ImageStatus(name)).has_image(); }
  std::vector<std::string> Tags(const std::string& name) {
    const cri::Image image = Status(name);
    return {image.repo_tags().begin(), image.repo_tags().end()};
  }
  std::vector<std::string> Digests(const std::string& name) {
    const cri::Image image = Status(name);
    return {image.repo_digests().begin(), image.repo_digests().end()};
  }
  bool IngestIsEmpty() {
    std::error_code error;
    return !fs::exists(node().paths().root() + "/ingest") || fs::is_empty(node().paths().root() + "/ingest", error);
  }
};

TEST_F(ImageTest, ATagIsPulledThroughTheMirrorOfItsRegistry) {
  Must(cri().RemoveImage(kPause));
  const StoredImage& stored = Store().images.at(kPause);
  EXPECT_EQ(Must(cri().Pull(kPause)).image_ref(), stored.id);
  const cri::Image image = Status(kPause);
  EXPECT_EQ(image.id(), stored.id);
  EXPECT_THAT(image.repo_tags(), ElementsAre(kPause));
  EXPECT_THAT(image.repo_digests(), ElementsAre(WithDigest(kPause)));
  EXPECT_GT(image.size(), 0u);
  EXPECT_EQ(image.uid().value(), 65535);
  EXPECT_TRUE(image.pinned()) << "the pause image";
  EXPECT_FALSE(Status(kBusybox).pinned());
}

TEST_F(ImageTest, APullByDigestRecordsTheDigestAndNoTag) {
  Must(cri().RemoveImage(kBusybox));
  const std::string reference = WithDigest(kBusybox);
  EXPECT_EQ(Must(cri().Pull(reference)).image_ref(), Store().images.at(kBusybox).id);
  EXPECT_THAT(Tags(reference), IsEmpty());
  EXPECT_THAT(Digests(reference), ElementsAre(reference));
}

TEST_F(ImageTest, ThePauseImageMayBePulledByDigestAndIsStillWhatPodsStartFrom) {
  Must(cri().RemoveImage(kPause));
  const std::string reference = WithDigest(kPause);
  EXPECT_EQ(Must(cri().Pull(reference)).image_ref(), Store().images.at(kPause).id);
  EXPECT_THAT(Tags(reference), IsEmpty());
  EXPECT_THAT(Digests(reference), ElementsAre(reference));
  EXPECT_EQ(PodStatus(RunPod("from-digest").id).state(), cri::SANDBOX_READY);
  EXPECT_THAT(Tags(kPause), ElementsAre(kPause)) << "the pod's sandbox_image is a tag";
  EXPECT_TRUE(Status(kPause).pinned());
}

TEST_F(ImageTest, ADigestThatTheRegistryDoesNotHaveIsNotFound) {
  const std::string reference = Repository(kBusybox) + "@sha256:" + std::string(64, '0');
  const auto answer = cri().Pull(reference);
  EXPECT_EQ(answer.code(), grpc::NOT_FOUND) << Describe(answer.status);
  EXPECT_THAT(answer.text(), HasSubstr(std::string(64, '0')));
  EXPECT_FALSE(Has(reference));
}

TEST_F(ImageTest, ALayerThatIsNotWhatItsDigestSaysIsRefused) {
  auto registry = OtherRegistry();
  Push(Store().images.at(kBig).layout, "other.example/e2e/corrupt:1", 5001);
  // The largest blob is the layer. One byte changes, the length stays.
  fs::path layer;
  for (const auto& entry : fs::recursive_directory_iterator(OtherStore())) {
    if (entry.path().filename() == "data" && (layer.empty() || fs::file_size(entry) > fs::file_size(layer)))
      layer = entry;
  }
  std::string data = ReadFile(layer);
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 1);
  WriteFile(layer, data);
  const auto answer = cri().Pull("other.example/e2e/corrupt:1");
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr(layer.parent_path().filename().string())) << "it does not say which digest";
  EXPECT_FALSE(Has("other.example/e2e/corrupt:1"));
  EXPECT_TRUE(IngestIsEmpty());
  registry.reset();
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(ImageTest, AManifestThatIsNotWhatItsDigestSaysIsRefused) {
  const auto registry = OtherRegistry();
  Push(Store().images.at(kPause).layout, "other.example/e2e/corrupt:1", 5001);
  const std::string digest = Store().images.at(kPause).digest;
  const std::string hex = digest.substr(7);
  const std::string file = OtherStore() + "/docker/registry/v2/blobs/sha256/" + hex.substr(0, 2) + "/" + hex + "/data";
  const std::string manifest = ReadFile(file);
  ASSERT_THAT(manifest, Not(IsEmpty()));
  WriteFile(file, manifest + " ");  // the same JSON, another digest
  const auto answer = cri().Pull("other.example/e2e/corrupt@" + digest);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr(hex));
  EXPECT_FALSE(Has("other.example/e2e/corrupt@" + digest));
}

TEST_F(ImageTest, AnUnknownImageIsNotFound) {
  for (const char* name : {"docker.io/library/no-such-image:1", "docker.io/library/busybox:no-such-tag"}) {
    const auto answer = cri().Pull(name);
    EXPECT_EQ(answer.code(), grpc::NOT_FOUND) << Describe(answer.status);
    EXPECT_THAT(answer.text(), HasSubstr(name));
    EXPECT_THAT(answer.text(), HasSubstr(kHttp404));
  }
}

TEST_F(ImageTest, AnEndpointThatIsDownFallsThroughToTheNext) {
  EXPECT_EQ(Must(cri().Pull("fallback.example/library/busybox:1.36")).image_ref(), Store().images.at(kBusybox).id);
}

TEST_F(ImageTest, AnEndpointWithoutTheImageFallsThroughToTheNext) {
  const auto empty = OtherRegistry();
  EXPECT_EQ(Must(cri().Pull("second.example/library/busybox:1.36")).image_ref(), Store().images.at(kBusybox).id);
  EXPECT_THAT(empty->Log(), HasSubstr("/v2/library/busybox/manifests/1.36"))
      << "the first endpoint was not asked first";
}

TEST_F(ImageTest, WhenAllEndpointsAreDownTheErrorNamesEachOfThem) {
  const auto answer = cri().Pull("down.example/library/busybox:1.36");
  // With any other code the kubelet does not find the word that the text begins with.
  EXPECT_EQ(answer.code(), grpc::UNKNOWN) << Describe(answer.status);
  EXPECT_THAT(answer.text(), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr("http://127.0.0.1:5002"),
                                   HasSubstr("http://127.0.0.1:5003"), HasSubstr("down.example")));
  EXPECT_TRUE(IngestIsEmpty());
}

TEST_F(ImageTest, AShortNameResolvesToTheSameImage) {
  EXPECT_EQ(Must(cri().Pull("busybox:1.36")).image_ref(), Store().images.at(kBusybox).id);
  const std::string id = Store().images.at(kBusybox).id;
  for (const std::string& name : {std::string("busybox:1.36"), std::string("library/busybox:1.36"),
                                  std::string("docker.io/busybox:1.36"), id, id.substr(7), WithDigest(kBusybox)}) {
    EXPECT_EQ(Status(name).id(), id) << name;
  }
  EXPECT_THAT(Tags(kBusybox), ElementsAre(kBusybox));
}

TEST_F(ImageTest, SeveralTagsAreOneImageAndRemoveTakesThemAll) {
  Must(cri().Pull(kBusyboxLatest));
  Must(cri().Pull("fallback.example/library/busybox:1.36"));
  int listed = 0;
  for (const cri::Image& image : Images()) listed += image.id() == Store().images.at(kBusybox).id;
  EXPECT_EQ(listed, 1);
  EXPECT_THAT(Tags(kBusybox), ElementsAre(kBusybox, kBusyboxLatest, "fallback.example/library/busybox:1.36"));
  EXPECT_THAT(Digests(kBusybox), SizeIs(2));
  Must(cri().RemoveImage(kBusyboxLatest));
  for (const char* name : {kBusybox, kBusyboxLatest, "fallback.example/library/busybox:1.36"}) EXPECT_FALSE(Has(name));
  Must(cri().Pull(kBusybox));  // as it was when the test began
}

TEST_F(ImageTest, RemoveMayBeRepeatedAndDoneByManyAtOnce) {
  Must(cri().Pull(kSchema2));
  std::vector<std::future<Answer<cri::RemoveImageResponse>>> removes;
  for (int i = 0; i < 5; ++i)
    removes.push_back(std::async(std::launch::async, [&] { return cri().RemoveImage(kSchema2); }));
  for (auto& remove : removes) EXPECT_TRUE(remove.get().ok());
  Must(cri().RemoveImage(kSchema2));
  Must(cri().RemoveImage("docker.io/library/never-was-here:1"));
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(ImageTest, StatusOfAnAbsentImageIsEmpty) {
  const auto answer = cri().ImageStatus("docker.io/library/never-was-here:1");
  EXPECT_TRUE(answer.ok()) << Describe(answer.status);
  EXPECT_FALSE(answer.value.has_image());
}

TEST_F(ImageTest, ListFiltersByReference) {
  EXPECT_THAT(Must(cri().ListImages()).images(), SizeIs(2));
  const auto filtered = Must(cri().ListImages(kBusybox));
  ASSERT_THAT(filtered.images(), SizeIs(1));
  EXPECT_EQ(filtered.images(0).id(), Store().images.at(kBusybox).id);
  EXPECT_THAT(Must(cri().ListImages("docker.io/library/never-was-here:1")).images(), IsEmpty());
}

TEST_F(ImageTest, TheUserOfTheImageIsReported) {
  Must(cri().Pull(kDefaults));
  EXPECT_EQ(Status(kDefaults).username(), "app");
  EXPECT_FALSE(Status(kDefaults).has_uid());
  Must(cri().Pull(kOverflow));
  EXPECT_FALSE(Status(kOverflow).has_uid()) << "no container can run as that user";
}

TEST_F(ImageTest, FileSystemsAreReportedWithWhatIsUsed) {
  const auto info = Must(cri().ImageFsInfo());
  ASSERT_THAT(info.image_filesystems(), SizeIs(1));
  ASSERT_THAT(info.container_filesystems(), SizeIs(1));
  const cri::FilesystemUsage& images = info.image_filesystems(0);
  EXPECT_TRUE(fs::is_directory(images.fs_id().mountpoint()));
  EXPECT_GT(images.used_bytes().value(), 1'000'000u) << "busybox is there";
  EXPECT_GT(images.inodes_used().value(), 100u);
  EXPECT_GT(images.timestamp(), 0);
  EXPECT_TRUE(fs::is_directory(info.container_filesystems(0).fs_id().mountpoint()));

  Must(cri().Pull(kBig));
  const auto more = Must(cri().ImageFsInfo());
  EXPECT_GE(more.image_filesystems(0).used_bytes().value(), images.used_bytes().value() + (8 << 20));
}

TEST_F(ImageTest, ARemovedImageStaysForTheContainerThatUsesIt) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("in-use");
  cri::ContainerConfig config = ContainerRunning("user", {"sleep", "1000"});
  config.mutable_image()->set_image(kDefaults);
  const std::string id = Start(pod, config);
  Must(cri().RemoveImage(kDefaults));
  EXPECT_FALSE(Has(kDefaults));
  EXPECT_EQ(Sh(id, "ls -d /srv /bin/busybox"), "/bin/busybox\n/srv\n");
  EXPECT_EQ(StatusOf(id).image_id(), Store().images.at(kDefaults).id);
  config.mutable_metadata()->set_name("late");
  EXPECT_EQ(cri().CreateContainer(pod.id, pod.config, config).code(), grpc::NOT_FOUND);
  Must(cri().Pull(kDefaults));
  Must(cri().RemovePod(pod.id));
  Must(cri().RemoveImage(kDefaults));
  EXPECT_EQ(Leftovers(), "") << "a layer goes with its last user";
}

TEST_F(ImageTest, TenPullsAtOnceFetchOnce) {
  std::vector<std::future<Answer<cri::PullImageResponse>>> pulls;
  for (int i = 0; i < 10; ++i) pulls.push_back(std::async(std::launch::async, [&] { return cri().Pull(kBig); }));
  for (auto& pull : pulls) EXPECT_EQ(Must(pull.get()).image_ref(), Store().images.at(kBig).id);
  std::multiset<std::string> fetched;
  for (const std::string& line : Lines(node().registry().Log())) {
    const size_t at = line.find("GET /v2/e2e/big/blobs/");
    if (at != std::string::npos && line.find(" 200 ") != std::string::npos) fetched.insert(line.substr(at, 100));
  }
  for (const std::string& blob : std::set<std::string>(fetched.begin(), fetched.end()))
    EXPECT_EQ(fetched.count(blob), 1u) << blob;
  EXPECT_THAT(fetched, SizeIs(2)) << "the config and one layer";
}

TEST_F(ImageTest, APullWithADeadlineOfAMillisecondLeavesNothing) {
  const auto answer = cri().Pull(kBig, std::chrono::milliseconds(1));
  EXPECT_EQ(answer.code(), grpc::DEADLINE_EXCEEDED) << Describe(answer.status);
  EXPECT_TRUE(Eventually([&] { return IngestIsEmpty(); }, std::chrono::seconds(5)));
  EXPECT_FALSE(Has(kBig));
  EXPECT_EQ(Leftovers(), "");
  Must(cri().Pull(kBig));
}

// A pull that is quicker than its cancellation leaves the whole image.
TEST_F(ImageTest, ACancelledPullLeavesNothing) {
  cri::PullImageRequest request;
  request.mutable_image()->set_image(kBig);
  for (int i = 0; i < 5; ++i) {
    grpc::ClientContext context;
    auto pull = std::async(std::launch::async,
                           [&] { return cri().Call(&ImageStub::PullImage, request, kCallTimeout, &context); });
    WaitFor("the pull to begin", std::chrono::seconds(10), [&] { return !IngestIsEmpty() || Has(kBig); });
    context.TryCancel();
    const auto answer = pull.get();
    EXPECT_TRUE(answer.ok() || answer.code() == grpc::CANCELLED) << Describe(answer.status);
    WaitFor("the pull to end", std::chrono::seconds(8), [&] { return IngestIsEmpty(); });
    if (Eventually([&] { return Has(kBig); }, std::chrono::seconds(1))) Must(cri().RemoveImage(kBig));
    EXPECT_EQ(Leftovers(std::chrono::seconds(8)), "");
  }
}

TEST_F(ImageTest, DockersSchema2AndAMultiPlatformIndexWork) {
  const PodRef pod = RunPod("formats");
  for (const auto& [reference, file] :
       std::vector<std::pair<std::string, std::string>>{{kSchema2, "/schema2"}, {kIndex, "/index"}}) {
    EXPECT_EQ(Must(cri().Pull(reference)).image_ref(), Store().images.at(reference).id);
    EXPECT_THAT(Digests(reference), ElementsAre(WithDigest(reference)));
    cri::ContainerConfig config = ContainerRunning(file.substr(1), {"cat", file});
    config.mutable_image()->set_image(reference);
    EXPECT_EQ(RunToEnd(pod, config).exit_code(), 0) << reference;
  }
}

TEST_F(ImageTest, ImagesOutliveTheDaemon) {
  const auto before = Must(cri().ListImages());
  node().Restart();
  EXPECT_EQ(Must(cri().ListImages()).SerializeAsString(), before.SerializeAsString());
  const PodRef pod = RunPod("after");
  EXPECT_EQ(RunToEnd(pod, ContainerOf("after", "exit 0")).exit_code(), 0);
}

TEST_F(ImageTest, ADaemonKilledInTheMiddleOfAPullSweepsWhatWasLeft) {
  for (const int milliseconds : {5, 15, 30, 60}) {
    auto pull = std::async(std::launch::async, [&] { return cri().Pull(kBig).ok(); });
    LetTimePass(std::chrono::milliseconds(milliseconds));  // another moment each time
    node().Kill();
    pull.get();
    node().Start();
    EXPECT_TRUE(IngestIsEmpty());
    // A layer that the pull had finished is kept for the next pull. Removing the image, also an absent one, frees it.
    Must(cri().RemoveImage(kBig));
    EXPECT_EQ(Leftovers(), "");
  }
  Must(cri().Pull(kBig));
}

// --- Where images come from ---

class PauseImageTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.pull_images = false;
    return options;
  }
};

TEST_F(PauseImageTest, IsPulledByTheFirstPodThatNeedsIt) {
  EXPECT_EQ(PodStatus(RunPod("first").id).state(), cri::SANDBOX_READY);
  EXPECT_TRUE(Must(cri().ImageStatus(kPause)).has_image());
}

class PreloadTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options;
    options.pull_images = false;
    options.endpoints = {"http://127.0.0.1:5002"};  // nobody listens there
    options.preload_dir = machine.directory + "/preload";
    fs::remove_all(options.preload_dir);
    MakeDirectory(options.preload_dir);
    for (const std::string& layout : {Store().images.at(kPause).layout, Store().images.at(kBusybox).layout}) {
      fs::copy(layout, options.preload_dir + "/" + fs::path(layout).filename().string(), fs::copy_options::recursive);
    }
    return options;
  }
};

TEST_F(PreloadTest, ImagesOfTheDirectoryAreThereAtStartAndRunWithoutARegistry) {
  EXPECT_THAT(Must(cri().ImageStatus(kPause)).image().repo_tags(), ElementsAre(kPause));
  EXPECT_EQ(Must(cri().ImageStatus(kBusybox)).image().id(), Store().images.at(kBusybox).id);
  const PodRef pod = RunPod("preloaded");
  EXPECT_EQ(RunToEnd(pod, ContainerOf("preloaded", "exit 0")).exit_code(), 0);
}

}  // namespace
}  // namespace crisp::e2e
