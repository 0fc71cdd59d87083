// Every row of the table of keys, in all versions of the file: its default is taken without a word, another value as
// its policy says, a wrong type never.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/key.h"
#include "config/key_path.h"
#include "config/key_texts.h"
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
  for (int version : {2, 3, 4}) {
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

std::string DefaultLiteral(const Key& key, std::string text) {
  if (text == kHostPlatform) text = PlatformOfThisNode();
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

// Of all versions of containerd.
std::vector<std::string> DefaultLiterals(const Key& key, int version) {
  const bool later = version >= 3 && key.default_value3 != nullptr;
  std::vector<std::string> literals;
  for (const absl::string_view text : absl::StrSplit(later ? key.default_value3 : key.default_value, '|')) {
    literals.push_back(DefaultLiteral(key, std::string(text)));
  }
  return literals;
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

std::string Dotted(const KeyPath& path) {
  return absl::StrJoin(path, ".", [](std::string* o, const std::string& n) { absl::StrAppend(o, "\"", n, "\""); });
}

// `path = literal`, in a table of its own where it is in an array.
std::string Statement(const KeyPath& path, const std::string& literal) {
  const auto element = std::find(path.begin(), path.end(), "[]");
  if (element == path.end()) return absl::StrCat("\n", Dotted(path), " = ", literal, "\n");
  return absl::StrCat("\n[[", Dotted(KeyPath(path.begin(), element)), "]] # ", "\n",
                      Dotted(KeyPath(element + 1, path.end())), " = ", literal, "\n");
}

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    char name[] = "/tmp/crisp-keys-XXXXXX";
    close(mkstemp(name));
    file_ = name;
  }
  ~KeysTest() override { unlink(file_.c_str()); }

  // Loads a file in which the key stands in the second line, or the third where it is in an array.
  absl::StatusOr<Config> Load(const Case& c, const std::string& literal) {
    KeyPath path = PathOf(c);
    bool is_version = path.back() == "version";
    std::ofstream out(file_);
    if (!is_version) out << "version = " << c.version;
    out << Statement(path, literal);
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
  }

  std::string PlaceOf(const Case& c) const {
    const KeyPath path = PathOf(c);
    const bool in_array = std::find(path.begin(), path.end(), "[]") != path.end();
    return absl::StrCat(file_, in_array ? ":3: " : ":2: ", ShowPath(path));
  }

  std::string file_;
  std::vector<std::string> warnings_;
};

TEST_F(KeysTest, EveryDefaultIsTakenWithoutAWordAndChangesNothing) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(testing::PrintToString(c));
    for (const std::string& literal : DefaultLiterals(*c.key, c.version)) {
      absl::StatusOr<Config> config = Load(c, literal);
      ASSERT_TRUE(config.ok()) << config.status();
      EXPECT_THAT(warnings_, IsEmpty());
      config->registry = {};  // an entry without contents may be there
      EXPECT_EQ(*config, DefaultConfig(c.version));
    }
  }
}

TEST_F(KeysTest, EveryOtherValueIsTakenAsThePolicySays) {
  for (const Case& c : Cases()) {
    if (c.key->policy == Policy::kHonoured) continue;  // config_test.cc has each of them
    SCOPED_TRACE(testing::PrintToString(c));
    std::string literal = OtherLiteral(*c.key);
    if (absl::c_linear_search(DefaultLiterals(*c.key, c.version), literal)) continue;  // either is a default
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
  for (int version : {2, 3, 4}) {
    std::set<KeyPath> seen;
    for (const Key& key : Keys()) {
      KeyPath pattern = PatternOf(key, version);
      EXPECT_TRUE(pattern.empty() || seen.insert(pattern).second) << key.path;
    }
  }
}

TEST(KeyTextsTest, EveryKeyHasOneTextAndEveryTextAKey) {
  std::multiset<std::string> paths;
  for (const Key& key : Keys()) paths.insert(key.path);
  std::multiset<std::string> texts;
  for (const KeyText& text : KeyTexts()) {
    texts.insert(text.path);
    EXPECT_THAT(std::string(text.meaning), testing::EndsWith(".")) << text.path;
    EXPECT_EQ(*text.since == '\0', absl::StartsWith(text.path, "crisp/")) << text.path;
  }
  EXPECT_EQ(paths, texts);
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
  EXPECT_THAT(pattern_of("cri/cni/bin_dir", 4),
              ElementsAre("plugins", "io.containerd.cri.v1.runtime", "cni", "bin_dir"));
}

TEST(KeyPathTest, Version4HasTheServersInPlugins) {
  auto shown = [](const std::string& path) {
    for (const Key& key : Keys()) {
      if (path == key.path) return ShowPath(PatternOf(key, 4));
    }
    return std::string();
  };
  EXPECT_EQ(shown("grpc/address"), "plugins.\"io.containerd.server.v1.grpc\".address");
  EXPECT_EQ(shown("grpc/tcp_tls_ca"), "plugins.\"io.containerd.server.v1.grpc-tcp\".tls_ca");
  EXPECT_EQ(shown("ttrpc/uid"), "plugins.\"io.containerd.server.v1.ttrpc\".uid");
  EXPECT_EQ(shown("debug/address"), "plugins.\"io.containerd.server.v1.debug\".address");
  EXPECT_EQ(shown("debug/level"), "debug.level");
  EXPECT_EQ(shown("metrics/address"), "plugins.\"io.containerd.server.v1.metrics\".address");
  EXPECT_EQ(shown("metrics/grpc_histogram"), "plugins.\"io.containerd.metrics.v1.grpc-prometheus\".grpc_histogram");
}

TEST(KeyPathTest, IsShownAsItStandsInAFileAndWithoutSecrets) {
  EXPECT_EQ(ShowPath({"a", "io.b", "c-d_e"}), "a.\"io.b\".c-d_e");
  EXPECT_EQ(ShowPath({"auths", "https://me:hunter2@host"}), "auths.\"https://***@host\"");
}

}  // namespace
}  // namespace crisp
