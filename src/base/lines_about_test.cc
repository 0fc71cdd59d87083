#include "base/lines_about.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

std::string Line(const OwnedLogFields& fields) {
  return JsonLogLine({}, LogLevel::kInfo, "m", ViewOf(fields));
}

const OwnedLogFields kName = {{"namespace", "default"}, {"pod", "web"}, {"uid", "u1"}, {"attempt", "1"}};
OwnedLogFields With(OwnedLogFields fields, const std::string& name, const std::string& value) {
  fields.emplace_back(name, value);
  return fields;
}

TEST(LinesAboutTest, APodHasLinesByItsIdAndByItsName) {
  const LinesAbout about(With(kName, "pod_id", "aaa"));
  EXPECT_TRUE(about(Line(With({{"ms", "1"}}, "pod_id", "aaa"))));
  EXPECT_TRUE(about(Line(kName))) << "written before it had an id";
  EXPECT_TRUE(about(Line(With(kName, "container_id", "c"))));
  EXPECT_FALSE(about(Line(With({}, "pod_id", "aaab"))));
  OwnedLogFields next_attempt = kName;
  next_attempt[3].second = "2";
  EXPECT_FALSE(about(Line(next_attempt)));
}

TEST(LinesAboutTest, AContainerOfAPodHasTheLinesOfThePod) {
  const LinesAbout about(With(With(kName, "pod_id", "aaa"), "container_id", "c"));
  EXPECT_TRUE(about(Line(With({}, "pod_id", "aaa"))));
  EXPECT_FALSE(about(Line(With({}, "pod_id", "bbb"))));
}

TEST(LinesAboutTest, AContainerThatNobodyKnowsHasItsOwn) {
  const LinesAbout about(OwnedLogFields{{"container_id", "c"}});
  EXPECT_TRUE(about(Line({{"container_id", "c"}})));
  EXPECT_FALSE(about(Line({{"container_id", "d"}})));
}

TEST(LinesAboutTest, AnImageIsKnownByAPartOfItsName) {
  const LinesAbout about(OwnedLogFields{{"image", "busybox"}});
  EXPECT_TRUE(about(Line({{"image", "docker.io/library/busybox:latest"}})));
  EXPECT_FALSE(about(Line({{"image", "docker.io/library/redis:latest"}, {"x", "busybox"}})));
  EXPECT_FALSE(about(Line(kName)));
}

TEST(LinesAboutTest, NoObjectMeansEveryLine) {
  EXPECT_TRUE(LinesAbout(OwnedLogFields())(Line(kName)));
  EXPECT_TRUE(LinesAbout(OwnedLogFields{{"pod_cidr", "10.0.0.0/8"}})(Line({})));
}

TEST(LinesAboutTest, ATextCannotPassForAField) {
  const LinesAbout about(OwnedLogFields{{"pod_id", "aaa"}});
  EXPECT_FALSE(about(Line({{"error", R"(,"pod_id":"aaa")"}})));
}

}  // namespace
}  // namespace crisp
