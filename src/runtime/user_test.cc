#include "runtime/user.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "runtime/passwd.h"

namespace crisp {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "daemon:x:2:3:::\n"
    "web:x:1000:1001:Web:/home/web:/bin/sh\n"
    "3000:x:0:0:a number for a name:/evil:/bin/sh\n"
    "many:x:1500:1500::/many:\n"
    "bad:x:4294967296:0::/:\n"
    "nobody:x:65534:65534::/nonexistent:/bin/false";  // no newline at the end
constexpr const char* kGroup =
    "root:x:0:root\n"
    "web:x:1001:\n"
    "disk:x:6:root,web\n"
    "audio:x:29:web,daemon\n"
    "4000:x:0:\n"
    "webby:x:77:webx\n"
    "short:x:88\n"
    "video:x:44:web";

class UserTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir_ + "/root/etc");
    Write("passwd", kPasswd);
    Write("group", kGroup);
    root_ = OpenAt(AT_FDCWD, dir_ + "/root", O_PATH | O_DIRECTORY).value();
  }
  std::string Path(const std::string& name) { return dir_ + "/root/etc/" + name; }
  void Write(const std::string& name, const std::string& content) { std::ofstream(Path(name)) << content; }

  absl::StatusOr<ResolvedUser> Resolve() { return ResolveUser(root_.get(), security_, image_); }
  absl::StatusOr<ResolvedUser> OfImage(const std::string& user) {
    image_.user = user;
    return Resolve();
  }
  void ExpectInvalid(const absl::StatusOr<ResolvedUser>& user, const std::string& text) {
    ASSERT_FALSE(user.ok());
    EXPECT_EQ(user.status().code(), absl::StatusCode::kInvalidArgument) << user.status();
    EXPECT_THAT(std::string(user.status().message()), HasSubstr(text));
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  Fd root_;
  cri::LinuxContainerSecurityContext security_;
  ImageConfig image_;
};

std::string Text(const absl::StatusOr<ResolvedUser>& user) {
  if (!user.ok()) return std::string(user.status().message());
  std::string text = absl::StrCat(user->uid, ":", user->gid, " [");
  for (uint32_t gid : user->additional_gids) absl::StrAppend(&text, " ", gid);
  return absl::StrCat(text, " ] ", user->home);
}

TEST_F(UserTest, ImageUserInAllItsForms) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "0:0 [ 0 6 ] /root"},
      {"root", "0:0 [ 0 6 ] /root"},
      {"0", "0:0 [ 0 6 ] /root"},
      {"000", "0:0 [ 0 6 ] /root"},
      {"web", "1000:1001 [ 1001 6 29 44 ] /home/web"},
      {"1000", "1000:1001 [ 1001 6 29 44 ] /home/web"},
      {"web:disk", "1000:6 [ 6 29 44 ] /home/web"},
      {"web:short", "1000:88 [ 88 6 29 44 ] /home/web"},
      {"1000:disk", "1000:6 [ 6 29 44 ] /home/web"},
      {"web:5", "1000:5 [ 5 6 29 44 ] /home/web"},
      {"1000:5", "1000:5 [ 5 6 29 44 ] /home/web"},
      {"1000:", "1000:1001 [ 1001 6 29 44 ] /home/web"},
      {"nobody", "65534:65534 [ 65534 ] /nonexistent"},
      {"daemon", "2:3 [ 3 29 ] /"},
      {"777", "777:0 [ 0 ] /"},
      {"777:888", "777:888 [ 888 ] /"},
      {"4294967294:4294967294", "4294967294:4294967294 [ 4294967294 ] /"},
      // There is a user and a group of these names, with the ids of root.
      {"3000", "3000:0 [ 0 ] /"},
      {"web:4000", "1000:4000 [ 4000 6 29 44 ] /home/web"},
  };
  for (const auto& [user, expected] : cases) EXPECT_EQ(Text(OfImage(user)), expected) << "USER " << user;
}

TEST_F(UserTest, ImageUserThatIsNoneIsRefused) {
  for (const char* user : {"4294967295",
                           "4294967296",
                           "18446744073709551616",
                           "99999999999999999999999",
                           "-1",
                           "+1",
                           " 0",
                           "0x0",
                           "1e3",
                           "ghost",
                           "bad",
                           ":0",
                           ":",
                           "a:b:c",
                           "web:ghost",
                           "web:-1",
                           "web:4294967295",
                           "web:4294967296",
                           "Root",
                           "web\n"}) {
    ExpectInvalid(OfImage(user), "USER");
  }
}

// Each row: run_as_user, run_as_username, run_as_group, supplemental groups, policy. -1 and null: not given.
TEST_F(UserTest, UserTimesGroupTimesGroups) {
  struct Case {
    int64_t user;
    const char* name;
    int64_t group;
    std::vector<int64_t> groups;
    cri::SupplementalGroupsPolicy policy;
    const char* expected;
  };
  const Case cases[] = {
      {1000, nullptr, -1, {}, cri::Merge, "1000:1001 [ 1001 6 29 44 ] /home/web"},
      {1000, nullptr, -1, {}, cri::Strict, "1000:1001 [ 1001 ] /home/web"},
      {1000, nullptr, -1, {9, 6, 9}, cri::Merge, "1000:1001 [ 1001 6 29 44 9 ] /home/web"},
      {1000, nullptr, -1, {9, 6, 9}, cri::Strict, "1000:1001 [ 1001 9 6 ] /home/web"},
      {1000, nullptr, 7, {}, cri::Merge, "1000:7 [ 7 6 29 44 ] /home/web"},
      {1000, nullptr, 7, {}, cri::Strict, "1000:7 [ 7 ] /home/web"},
      {1000, nullptr, 7, {7, 8}, cri::Strict, "1000:7 [ 7 8 ] /home/web"},
      {1000, nullptr, 0, {}, cri::Strict, "1000:0 [ 0 ] /home/web"},
      {0, nullptr, -1, {}, cri::Merge, "0:0 [ 0 6 ] /root"},
      {0, nullptr, -1, {1234}, cri::Merge, "0:0 [ 0 6 1234 ] /root"},
      {555, nullptr, -1, {}, cri::Merge, "555:0 [ 0 ] /"},
      {555, nullptr, 66, {77}, cri::Merge, "555:66 [ 66 77 ] /"},
      {-1, "web", -1, {}, cri::Merge, "1000:1001 [ 1001 6 29 44 ] /home/web"},
      {-1, "web", -1, {9}, cri::Strict, "1000:1001 [ 1001 9 ] /home/web"},
      {-1, "web", 7, {9}, cri::Merge, "1000:7 [ 7 6 29 44 9 ] /home/web"},
      {-1, "3000", -1, {}, cri::Merge, "3000:0 [ 0 ] /"},
      {-1, nullptr, -1, {9}, cri::Merge, "65534:65534 [ 65534 9 ] /nonexistent"},
      {-1, nullptr, -1, {9}, cri::Strict, "65534:65534 [ 65534 9 ] /nonexistent"},
  };
  image_.user = "nobody";
  for (const Case& c : cases) {
    security_.Clear();
    if (c.user >= 0) security_.mutable_run_as_user()->set_value(c.user);
    if (c.name != nullptr) security_.set_run_as_username(c.name);
    if (c.group >= 0) security_.mutable_run_as_group()->set_value(c.group);
    for (int64_t gid : c.groups) security_.add_supplemental_groups(gid);
    security_.set_supplemental_groups_policy(c.policy);
    EXPECT_EQ(Text(Resolve()), c.expected) << security_.ShortDebugString();
  }
}

TEST_F(UserTest, GroupWithoutUserIsRefused) {
  security_.mutable_run_as_group()->set_value(1);
  image_.user = "web";
  ExpectInvalid(Resolve(), "config.linux.security_context.run_as_group");
}

TEST_F(UserTest, UserAndUsernameTogetherAreRefused) {
  security_.mutable_run_as_user()->set_value(0);
  security_.set_run_as_username("web");
  ExpectInvalid(Resolve(), "config.linux.security_context.run_as_username");
}

TEST_F(UserTest, NumbersOutOfRangeAreNamed) {
  for (int64_t value : {int64_t{-1}, int64_t{4294967295}, int64_t{4294967296}, INT64_MAX, INT64_MIN}) {
    security_.Clear();
    security_.mutable_run_as_user()->set_value(value);
    ExpectInvalid(Resolve(), "security_context.run_as_user:");
    security_.mutable_run_as_user()->set_value(1);
    security_.mutable_run_as_group()->set_value(value);
    ExpectInvalid(Resolve(), "security_context.run_as_group:");
    security_.clear_run_as_group();
    security_.add_supplemental_groups(0);
    security_.add_supplemental_groups(value);
    ExpectInvalid(Resolve(), "security_context.supplemental_groups[1]:");
  }
}

TEST_F(UserTest, UnknownUsernameNamesTheFieldTheUserAndTheFile) {
  security_.set_run_as_username("ghost");
  ExpectInvalid(Resolve(), "run_as_username: no \"ghost\" in /etc/passwd");
  security_.set_run_as_username("root:disk");
  ExpectInvalid(Resolve(), "run_as_username");
}

TEST_F(UserTest, ImageWithoutFilesHasNumbersOnly) {
  fs::remove_all(dir_ + "/root/etc");
  EXPECT_EQ(Text(OfImage("")), "0:0 [ 0 ] /");
  EXPECT_EQ(Text(OfImage("5:6")), "5:6 [ 6 ] /");
  ExpectInvalid(OfImage("root"), "/etc/passwd");
  ExpectInvalid(OfImage("5:root"), "/etc/group");
  std::ofstream(dir_ + "/root/etc") << "a file where a directory should be";
  EXPECT_EQ(Text(OfImage("5")), "5:0 [ 0 ] /");
}

TEST_F(UserTest, LargeFilesAreRefused) {
  Write("passwd", std::string(kPasswdLimit, '\n'));
  EXPECT_EQ(Text(OfImage("5")), "5:0 [ 0 ] /");
  Write("passwd", std::string(kPasswdLimit + 1, '\n'));
  ExpectInvalid(OfImage("5"), "/etc/passwd");
  ASSERT_EQ(truncate(Path("passwd").c_str(), off_t{1} << 40), 0);  // sparse: it costs nobody anything to ship
  ExpectInvalid(OfImage("5"), "/etc/passwd");
  Write("passwd", kPasswd);
  Write("group", std::string(kPasswdLimit + 1, 'x'));
  ExpectInvalid(OfImage("web"), "/etc/group");
}

TEST_F(UserTest, OnlyRegularFilesAreOpened) {
  fs::remove(Path("passwd"));
  ASSERT_EQ(mkfifo(Path("passwd").c_str(), 0600), 0);
  ExpectInvalid(OfImage("5"), "not a regular file");  // and does not wait for a writer
  fs::remove(Path("passwd"));
  fs::create_directory(Path("passwd"));
  ExpectInvalid(OfImage("5"), "not a regular file");
  fs::remove(Path("passwd"));
  fs::create_symlink("passwd", Path("passwd"));
  ExpectInvalid(OfImage("5"), "/etc/passwd");
}

TEST_F(UserTest, DevicesAreNotOpened) {
  fs::remove(Path("passwd"));
  if (mknod(Path("passwd").c_str(), S_IFCHR | 0600, makedev(1, 5)) != 0) GTEST_SKIP() << "needs CAP_MKNOD";
  ExpectInvalid(OfImage("5"), "not a regular file");
}

TEST_F(UserTest, LinksStayInsideTheRoot) {
  std::ofstream(dir_ + "/outside") << "web:x:0:0::/outside:\n";
  for (const std::string& target : {dir_ + "/outside", std::string("../../outside")}) {
    fs::remove(Path("passwd"));
    fs::create_symlink(target, Path("passwd"));
    ExpectInvalid(OfImage("web"), "no \"web\" in /etc/passwd");
  }
  // Absolute, and inside as the container sees it.
  fs::remove(Path("passwd"));
  fs::create_directories(dir_ + "/root/usr");
  std::ofstream(dir_ + "/root/usr/passwd") << "web:x:9:9::/usr:\n";
  fs::create_symlink("/usr/passwd", Path("passwd"));
  EXPECT_EQ(Text(OfImage("web")), "9:9 [ 9 6 29 44 ] /usr");
}

TEST_F(UserTest, HomeWithControlCharactersIsRefused) {
  for (const char* home : {"/a\rb", "/a\tb", "/a\x1b[0m", "/a\x7f", "/a\xff"}) {
    Write("passwd", absl::StrCat("web:x:1:1::", home, ":\n"));
    ExpectInvalid(OfImage("web"), "home directory");
    ExpectInvalid(OfImage("1"), "home directory");
    EXPECT_TRUE(OfImage("2").ok());
  }
  Write("passwd", absl::StrCat("web:x:1:1::/a", std::string(1, '\0'), "b:\n"));
  ExpectInvalid(OfImage("web"), "home directory");
}

TEST_F(UserTest, MalformedLinesArePassedOver) {
  Write("passwd", absl::StrCat("\n:::\n::0:0:::\n+::::::\n#web\nweb\nweb:x\nweb:x:1\nweb:x:one:1::/:\nweb:x:-1:1::/:\n",
                               std::string(300000, 'a'), "\n", std::string(5, '\0'), "\nweb:x:7:8::/right:\n"));
  EXPECT_EQ(Text(OfImage("web")), "7:8 [ 8 6 29 44 ] /right");
  Write("group", "web\nweb:x\nweb:x:y:\n:x:1:web\nweb:x:4294967295:web\nok:x:3:a,,web,b\nweb:x:5:\n");
  EXPECT_EQ(Text(OfImage("web:web")), "7:5 [ 5 3 ] /right");
}

TEST_F(UserTest, ManyGroupsAreBoundedAndFast) {
  std::string group;
  for (int i = 0; group.size() + 20 < kPasswdLimit; ++i) absl::StrAppend(&group, "g::", i, ":web\n");
  Write("group", group);
  const absl::StatusOr<ResolvedUser> user = OfImage("web");
  if (user.ok()) {
    EXPECT_LE(user->additional_gids.size(), 65536u);
  } else {
    EXPECT_THAT(std::string(user.status().message()), HasSubstr("supplemental_groups"));
  }
}

TEST(ParseIdTest, TakesDigitsOfThirtyTwoBits) {
  EXPECT_EQ(ParseId("0"), 0u);
  EXPECT_EQ(ParseId("4294967294"), 4294967294u);
  for (const char* text : {"", "4294967295", "4294967296", "-0", "+1", " 1", "1 ", "0x1", "1a", "１"}) {
    EXPECT_FALSE(ParseId(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace crisp
