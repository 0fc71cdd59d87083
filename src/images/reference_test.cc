#include "images/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/images.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

struct Case {
  std::string text;
  std::string whole;
};

class WholeReferenceTest : public testing::TestWithParam<Case> {};

TEST_P(WholeReferenceTest, IsMadeWhole) {
  const absl::StatusOr<std::string> whole = NormalizeReference(GetParam().text);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(*whole, GetParam().whole);
  EXPECT_EQ(*NormalizeReference(*whole), *whole) << "a whole reference must stay as it is";
}

INSTANTIATE_TEST_SUITE_P(
    Forms, WholeReferenceTest,
    testing::Values(Case{"busybox", "docker.io/library/busybox:latest"},
                    Case{"busybox:1.36", "docker.io/library/busybox:1.36"},
                    Case{"docker.io/busybox", "docker.io/library/busybox:latest"},
                    Case{"index.docker.io/busybox", "docker.io/library/busybox:latest"},
                    Case{"index.docker.io/library/busybox:1", "docker.io/library/busybox:1"},
                    Case{"prom/node", "docker.io/prom/node:latest"}, Case{"docker.io/a/b/c", "docker.io/a/b/c:latest"},
                    Case{"library/busybox", "docker.io/library/busybox:latest"},
                    Case{"localhost/x", "localhost/x:latest"}, Case{"localhost:5000/x", "localhost:5000/x:latest"},
                    Case{"127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t"}, Case{"[::1]:5000/x", "[::1]:5000/x:latest"},
                    Case{"[fe80::1]/x:y", "[fe80::1]/x:y"}, Case{"host:5000/x", "host:5000/x:latest"},
                    Case{"host/x", "docker.io/host/x:latest"}, Case{"Host/x", "Host/x:latest"},
                    Case{"LOCALHOST/x", "localhost/x:latest"}, Case{"LocalHost:5000/x:T", "localhost:5000/x:T"},
                    Case{"Registry.K8s.IO/pause:3.9", "registry.k8s.io/pause:3.9"},
                    Case{"HOST:5000/x", "host:5000/x:latest"}, Case{"[FE80::1]/x:y", "[fe80::1]/x:y"},
                    Case{"Docker.IO/busybox", "docker.io/library/busybox:latest"},
                    Case{"INDEX.docker.io/busybox", "docker.io/library/busybox:latest"},
                    Case{"registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"},
                    Case{"a.b/c__d/e-f/g.h/i---j/0_1", "a.b/c__d/e-f/g.h/i---j/0_1:latest"},
                    Case{"busybox@" + kDigest, "docker.io/library/busybox@" + kDigest},
                    Case{"busybox:1.36@" + kDigest, "docker.io/library/busybox@" + kDigest},
                    Case{"busybox@sha512:" + kHex + kHex, "docker.io/library/busybox@sha512:" + kHex + kHex},
                    Case{"x:_T.a-G", "docker.io/library/x:_T.a-G"},
                    Case{"x:" + std::string(128, 't'), "docker.io/library/x:" + std::string(128, 't')},
                    Case{"a.b/" + std::string(251, 'x'), "a.b/" + std::string(251, 'x') + ":latest"},
                    // 63 and 65 hex digits are names, only 64 are an id.
                    Case{std::string(63, 'a'), "docker.io/library/" + std::string(63, 'a') + ":latest"}));

struct BadCase {
  std::string text;
  std::string part;  // that the error must name
};

class BadReferenceTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadReferenceTest, IsRefusedNamingThePart) {
  const absl::StatusOr<Reference> reference = ParseReference(GetParam().text);
  ASSERT_EQ(reference.status().code(), absl::StatusCode::kInvalidArgument) << GetParam().text;
  EXPECT_THAT(std::string(reference.status().message()),
              AllOf(HasSubstr("invalid image reference"), HasSubstr(GetParam().part)));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, BadReferenceTest,
    testing::Values(
        BadCase{"", "empty"}, BadCase{kHex, "image id"}, BadCase{"Busybox", "\"Busybox\""}, BadCase{":tag", "path"},
        BadCase{"a//b", "empty component"}, BadCase{"a/b/", "empty component"}, BadCase{"/a", "empty component"},
        BadCase{"localhost/", "empty component"}, BadCase{"a.b/", "empty component"},
        BadCase{"a..b/c", "the registry host \"a..b\""}, BadCase{"-a.b/c", "the registry host"},
        BadCase{"a_b.c/d", "the registry host"}, BadCase{"[::1/x", "the registry host"}, BadCase{"[zz::]/x", "IPv6"},
        BadCase{"[]:5/x", "IPv6"}, BadCase{"h:/x", "the registry port"}, BadCase{"h:0/x", "the registry port"},
        BadCase{"h:65536/x", "the registry port"}, BadCase{"h:5x/x", "the registry port"},
        BadCase{"h:+80/x", "the registry port"}, BadCase{"h:000000080/x", "the registry port"},
        BadCase{"x:", "the tag"}, BadCase{"x:.a", "the tag \".a\""}, BadCase{"x:-a", "the tag"},
        BadCase{"x:a b", "the tag"}, BadCase{"x:a\n", "the tag \"a\\n\""}, BadCase{"x:" + std::string(129, 't'), "128"},
        BadCase{"x:a:b", "component"}, BadCase{"x@", "the digest"}, BadCase{"x@" + kHex, "the digest"},
        BadCase{"x@md5:" + kHex, "md5"}, BadCase{"x@sha256:" + kHex + "a", "65"},
        BadCase{"x@sha256:" + std::string(64, 'A'), "0-9 and a-f"}, BadCase{"x@" + kDigest + "@" + kDigest, "digest"},
        BadCase{"x@" + kDigest + ":tag", "the digest"}, BadCase{"../../etc", "the registry host"},
        BadCase{"a.b/../c", "component \"..\""}, BadCase{"a.b/.c", "component"}, BadCase{"a.b/c.", "component"},
        BadCase{"a.b/c..d", "component"}, BadCase{"a.b/c___d", "component"}, BadCase{"a.b/c._d", "component"},
        BadCase{"a.b/c-_d", "component"}, BadCase{"a.b/C", "component \"C\""}, BadCase{"a.b/c?x=y", "component"},
        BadCase{"a.b/c#d", "component"}, BadCase{"http://a.b/c", "port"}, BadCase{"u:p@a.b/c", "the digest"},
        BadCase{" x", "component"}, BadCase{std::string("x\0y", 3), "component"}, BadCase{"\xff", "component"},
        BadCase{"caf\xc3\xa9", "component"}, BadCase{"a.b/" + std::string(252, 'x'), "255"},
        BadCase{std::string(1 << 20, 'x'), "too long"}));

TEST(ReferenceTest, ErrorsOfHugeReferencesStaySmall) {
  EXPECT_LT(ParseReference(std::string(1 << 20, '\x01')).status().message().size(), 2000u);
}

TEST(ReferenceTest, NamesItsParts) {
  const absl::StatusOr<Reference> reference = ParseReference("localhost:5000/a/b:t");
  ASSERT_TRUE(reference.ok());
  EXPECT_EQ(reference->domain, "localhost:5000");
  EXPECT_EQ(reference->path, "a/b");
  EXPECT_EQ(reference->TagOrDigest(), "t");
  EXPECT_EQ(reference->Name(), "localhost:5000/a/b");
}

}  // namespace
}  // namespace crisp
