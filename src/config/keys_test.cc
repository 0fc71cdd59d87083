// Every row of the table of keys, in both versions of the file: its default is taken without a word, another value as
// its policy says, a wrong type never.
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/key.h"
#include "config/key_path.h"
#include "config/load_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Case {
  const Key* key;
  int version;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.key->path << " in version " << c.version;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (int version : {2, 3}) {
    for (const Key& key : Keys()) {
      if (!PatternOf(key, version).empty()) cases.push_back({&key, version});
    }
  }
  return cases;
}

std::string ListLiteral(const std::string& items) {
  if (items.empty()) return "[]";
  return absl::StrCat("[\"", absl::StrJoin(absl::StrSplit(items, ','), "\", \""), "\"]");
}

std::string DefaultLiteral(const Key& key, int version) {
  std::string text = version >= 3 && key.default_value3 != nullptr ? key.default_value3 : key.default_value;
  if (text == kHostPlatform) text = HostPlatform();
  switch (key.type) {
    case ValueType::kText:
    case ValueType::kDuration:
    case ValueType::kAny:
      return absl::StrCat("\"", text, "\"");
    case ValueType::kList:
      return ListLiteral(text);
    case ValueType::kTable:
      return "{}";
    default:
      return text;
  }
}

// A value that is no key's default.
std::string OtherLiteral(const Key& key) {
  switch (key.type) {
    case ValueType::kText:
    case ValueType::kAny:
      return "\"zebra\"";
    case ValueType::kDuration:
      return "\"77h\"";
    case ValueType::kPeriod:
    case ValueType::kInteger:
      return "77";
    case ValueType::kReal:
      return "7.7";
    case ValueType::kFlag:
      return absl::string_view(key.default_value) == "true" ? "false" : "true";
    case ValueType::kList:
      return "[\"zebra\"]";
    case ValueType::kTable:
      return "{}";
  }
  return "";
}

// A path of the key with names for what the user chooses.
KeyPath PathOf(const Case& c) {
  KeyPath path = PatternOf(*c.key, c.version);
  bool is_url = absl::StrContains(c.key->path, "/auths/");
  bool is_runtime = absl::StrContains(c.key->path, "/runtimes/");
  for (std::string& name : path) {
    if (name == "*" || name == "**") name = is_url ? "https://zoo" : is_runtime ? "runc" : "zoo";
  }
  return path;
}

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    char name[] = "/tmp/crisp-keys-XXXXXX";
    close(mkstemp(name));
    file_ = name;
  }
  ~KeysTest() override { unlink(file_.c_str()); }

  // Loads a file in which the key stands in the second line.
  absl::StatusOr<Config> Load(const Case& c, const std::string& literal) {
    KeyPath path = PathOf(c);
    bool is_version = path.back() == "version";
    std::ofstream out(file_);
    if (!is_version) out << "version = " << c.version;
    out << "\n"
        << absl::StrJoin(path, ".", [](std::string* o, const std::string& n) { absl::StrAppend(o, "\"", n, "\""); })
        << " = " << literal << "\n";
    out.close();
    warnings_.clear();
    return LoadConfig(file_, &warnings_);
  }

  void ExpectRefused(const Case& c, const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(PlaceOf(c)), HasSubstr(c.key->note)));
  }

  void ExpectWarning(const Case& c, const absl::Status& status, const std::string& literal) {
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_THAT(warnings_[0], AllOf(HasSubstr(PlaceOf(c)), Not(HasSubstr("not known"))));
    EXPECT_EQ(absl::StrContains(warnings_[0], literal), !c.key->secret) << warnings_[0];
    EXPECT_EQ(absl::StrContains(warnings_[0], "not honoured yet"), c.key->policy == Policy::kNotYet) << warnings_[0];
  }

  std::string PlaceOf(const Case& c) const { return absl::StrCat(file_, ":2: ", ShowPath(PathOf(c))); }

  std::string file_;
  std::vector<std::string> warnings_;
};

TEST_F(KeysTest, EveryDefaultIsTakenWithoutAWordAndChangesNothing) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(testing::PrintToString(c));
    absl::StatusOr<Config> config = Load(c, DefaultLiteral(*c.key, c.version));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_THAT(warnings_, IsEmpty());
    config->registry = {};  // an entry without contents may be there
    EXPECT_EQ(*config, DefaultConfig(c.version));
  }
}

TEST_F(KeysTest, EveryOtherValueIsTakenAsThePolicySays) {
  for (const Case& c : Cases()) {
    if (c.key->policy == Policy::kHonoured) continue;  // config_test.cc has each of them
    SCOPED_TRACE(testing::PrintToString(c));
    std::string literal = OtherLiteral(*c.key);
    absl::Status status = Load(c, literal).status();
    if (c.key->policy == Policy::kRefused) {
      ExpectRefused(c, status);
    } else {
      ExpectWarning(c, status, literal);
    }
  }
}

TEST_F(KeysTest, AValueOfAWrongTypeIsAlwaysAnErrorThatSaysSo) {
  for (const Case& c : Cases()) {
    if (c.key->type == ValueType::kAny) continue;
    SCOPED_TRACE(testing::PrintToString(c));
    absl::Status status = Load(c, "1979-05-27").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(PlaceOf(c) + ": expected "), HasSubstr("found a date or time")));
  }
}

TEST_F(KeysTest, EveryHonouredKeyHasASetterAndEveryRefusedOneAText) {
  for (const Key& key : Keys()) {
    EXPECT_TRUE(key.policy != Policy::kHonoured || key.set != nullptr) << key.path;
    EXPECT_TRUE(key.policy != Policy::kRefused || *key.note != '\0') << key.path;
  }
}

TEST_F(KeysTest, NoKeyIsThereTwice) {
  for (int version : {2, 3}) {
    std::set<KeyPath> seen;
    for (const Key& key : Keys()) {
      KeyPath pattern = PatternOf(key, version);
      EXPECT_TRUE(pattern.empty() || seen.insert(pattern).second) << key.path;
    }
  }
}

TEST(KeyPathTest, Version3HasThePluginsThatTheKeysMovedTo) {
  auto pattern_of = [](const std::string& path, int version) {
    for (const Key& key : Keys()) {
      if (path == key.path) return PatternOf(key, version);
    }
    return KeyPath();
  };
  EXPECT_THAT(pattern_of("cri/cni/bin_dir", 2), ElementsAre("plugins", "io.containerd.grpc.v1.cri", "cni", "bin_dir"));
  EXPECT_THAT(pattern_of("cri/cni/bin_dir", 3),
              ElementsAre("plugins", "io.containerd.cri.v1.runtime", "cni", "bin_dir"));
  EXPECT_THAT(pattern_of("cri/sandbox_image", 3),
              ElementsAre("plugins", "io.containerd.cri.v1.images", "pinned_images", "sandbox"));
  EXPECT_THAT(pattern_of("cri/stream_server_port", 3),
              ElementsAre("plugins", "io.containerd.grpc.v1.cri", "stream_server_port"));
  EXPECT_THAT(pattern_of("cri/systemd_cgroup", 3), IsEmpty());
  EXPECT_THAT(pattern_of("grpc/address", 3), ElementsAre("grpc", "address"));
}

TEST(KeyPathTest, IsShownAsItStandsInAFileAndWithoutSecrets) {
  EXPECT_EQ(ShowPath({"a", "io.b", "c-d_e"}), "a.\"io.b\".c-d_e");
  EXPECT_EQ(ShowPath({"auths", "https://me:hunter2@host"}), "auths.\"https://***@host\"");
}

}  // namespace
}  // namespace crisp
