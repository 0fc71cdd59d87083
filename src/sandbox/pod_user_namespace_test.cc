#include "sandbox/pod_user_namespace.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

cri::UserNamespace* Userns(cri::PodSandboxConfig* config) {
  return config->mutable_linux()->mutable_security_context()->mutable_namespace_options()->mutable_userns_options();
}

void Add(google::protobuf::RepeatedPtrField<cri::IDMapping>* mappings, uint32_t inside, uint32_t outside,
         uint32_t length) {
  cri::IDMapping& mapping = *mappings->Add();
  mapping.set_container_id(inside);
  mapping.set_host_id(outside);
  mapping.set_length(length);
}

TEST(IdMapOfTest, APodWithoutAUserNamespaceHasNone) {
  cri::PodSandboxConfig config;
  EXPECT_FALSE(IdMapOf(config));
  Userns(&config)->set_mode(cri::NODE);
  EXPECT_FALSE(IdMapOf(config)) << "the node's";
}

TEST(IdMapOfTest, HasTheRangesAsTheyCame) {
  cri::PodSandboxConfig config;
  Userns(&config)->set_mode(cri::POD);
  Add(Userns(&config)->mutable_uids(), 0, 100000, 65536);
  Add(Userns(&config)->mutable_gids(), 0, 200000, 1000);
  Add(Userns(&config)->mutable_gids(), 1000, 300000, 10);
  const std::optional<IdMap> map = IdMapOf(config);
  ASSERT_TRUE(map);
  EXPECT_THAT(map->uids, testing::ElementsAre(IdRange{0, 100000, 65536}));
  EXPECT_THAT(map->gids, testing::ElementsAre(IdRange{0, 200000, 1000}, IdRange{1000, 300000, 10}));
}

class PodUserNamespaceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(MakeDirs(layout_.Shm("p"), 0700).ok());
    ASSERT_TRUE(MakeDirs(layout_.Container("p"), 0700).ok());
    for (const std::string& file : {layout_.ResolvConf("p"), layout_.Hosts("p"), layout_.Hostname("p")}) {
      ASSERT_TRUE(WriteFileAt(AT_FDCWD, file, "", 0644).ok());
    }
  }
  static struct stat Stat(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  const TestDir dir_;
  const Layout layout_{dir_.Path("root"), dir_.Path("state"), true};
  const IdMap map_{{{0, 100000, 65536}}, {{0, 200000, 65536}}};
};

TEST_F(PodUserNamespaceTest, ThePodsRootOwnsTheFilesThatAreMountedForIt) {
  ASSERT_EQ(GivePodToItsRoot(layout_, "p", map_), absl::OkStatus());
  for (const std::string& path :
       {layout_.Shm("p"), layout_.ResolvConf("p"), layout_.Hosts("p"), layout_.Hostname("p")}) {
    EXPECT_EQ(Stat(path).st_uid, 100000u) << path;
    EXPECT_EQ(Stat(path).st_gid, 200000u) << path;
  }
}

TEST_F(PodUserNamespaceTest, ThePodsRootMayPassThePodsDirectoryAndNotListIt) {
  ASSERT_EQ(GivePodToItsRoot(layout_, "p", map_), absl::OkStatus());
  const struct stat info = Stat(layout_.Pod("p"));
  EXPECT_EQ(info.st_uid, 0u) << "it must not change what the daemon keeps there";
  EXPECT_EQ(info.st_gid, 200000u);
  EXPECT_EQ(info.st_mode & 07777, 0710u);
}

TEST_F(PodUserNamespaceTest, AMissingFileIsAnErrorThatNamesIt) {
  ASSERT_EQ(unlink(layout_.Hosts("p").c_str()), 0);
  const absl::Status status = GivePodToItsRoot(layout_, "p", map_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(layout_.Hosts("p")));
  EXPECT_EQ(LetRootPass(dir_.Path("nowhere"), map_).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace crisp
