#include "base/url.h"

#include <gmock/gmock.h>

#include <string>

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(UrlTest, PartsAreAsTheyStand) {
  const Url url = *ParseUrl("HTTPS://Registry.Example:5000/v2/a%20b?x=1&y#part");
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "registry.example:5000");
  EXPECT_EQ(url.path, "/v2/a%20b");
  EXPECT_EQ(url.query, "x=1&y");
  EXPECT_EQ(url.String(), "https://registry.example:5000/v2/a%20b?x=1&y");
  EXPECT_EQ(url.Printable(), "https://registry.example:5000/v2/a%20b");
  EXPECT_EQ(ParseUrl("http://h/")->String(), "http://h");
}

TEST(UrlTest, TheDefaultPortBelongsToTheOrigin) {
  EXPECT_EQ(ParseUrl("https://a")->Origin(), ParseUrl("https://a:443/x")->Origin());
  EXPECT_EQ(ParseUrl("http://[::1]")->Origin(), "http://[::1]:80");
  EXPECT_NE(ParseUrl("https://a")->Origin(), ParseUrl("http://a")->Origin());
  EXPECT_NE(ParseUrl("https://a")->Origin(), ParseUrl("https://a:444")->Origin());
}

TEST(UrlTest, AUserIsNoticedAndNotKept) {
  for (const char* text : {"https://me@h/x", "https://me:secret@h/x", "https://:secret@h/x"}) {
    const Url url = *ParseUrl(text);
    EXPECT_TRUE(url.has_user_info) << text;
    EXPECT_EQ(url.String(), "https://h/x");
  }
  EXPECT_FALSE(ParseUrl("https://h/me@x")->has_user_info);
}

TEST(UrlTest, WhatIsNoUrlIsRefusedWithoutItsSecrets) {
  for (const char* text :
       {"", "h", "ftp://h", "http://", "http://:80", "https:///v2", "https:/h", "https:h", "http://a b",
        "http://a\r\nX: y", "http://h:99999", "ftp://me:secret@h", "me:secret@h", "ftp://h?token=secret"}) {
    const absl::Status status = ParseUrl(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
}

TEST(UrlTest, AHostWithoutASchemeIsHttpsUnlessOnLoopback) {
  EXPECT_EQ(ParseUrlOrHost("m.example:8080/v2/x")->String(), "https://m.example:8080/v2/x");
  EXPECT_EQ(ParseUrlOrHost("localhost:5000")->String(), "http://localhost:5000");
  EXPECT_EQ(ParseUrlOrHost("http://m.example")->String(), "http://m.example");
}

TEST(UrlTest, LocationsAreResolved) {
  const Url base = *ParseUrl("https://h:5000/v2/a?x");
  EXPECT_EQ(ResolveUrl(base, "/other?y")->String(), "https://h:5000/other?y");
  EXPECT_EQ(ResolveUrl(base, "b")->String(), "https://h:5000/v2/b");
  EXPECT_EQ(ResolveUrl(base, "//cdn.example/z")->String(), "https://cdn.example/z");
  EXPECT_EQ(ResolveUrl(base, "http://cdn.example")->String(), "http://cdn.example");
  EXPECT_FALSE(ResolveUrl(base, "file:///etc/passwd").ok());
}

TEST(UrlTest, ALocationMayHaveWhatAUrlMayNot) {
  const Url base = *ParseUrl("https://h");
  EXPECT_EQ(ResolveUrl(base, " /a b/\xc3\xa9?q=a b ")->String(), "https://h/a%20b/%C3%A9?q=a%20b");
  EXPECT_EQ(ResolveUrl(base, "/a%20b")->String(), "https://h/a%20b");
  EXPECT_FALSE(ResolveUrl(base, "/a\nb").ok());
}

TEST(UrlTest, TheHostIsComparedWithItsPort) {
  const auto same = [](const char* a, const char* b) { return SameHost(*ParseUrl(a), *ParseUrl(b)); };
  EXPECT_TRUE(same("https://h/a", "https://h:443/b"));
  EXPECT_TRUE(same("http://h/a", "https://h/b"));
  EXPECT_TRUE(same("http://h:5000/a", "https://h:5000/b"));
  EXPECT_FALSE(same("https://h/a", "https://h:444/a"));
  EXPECT_FALSE(same("https://h/a", "https://x.h/a"));
  EXPECT_FALSE(same("http://h:443/a", "https://h:80/a"));
}

TEST(UrlTest, HostAndPortAreToldApart) {
  const Url url = *ParseUrl("https://[2001:db8::1]:5000/a");
  EXPECT_EQ(url.HostName(), "2001:db8::1");
  EXPECT_EQ(url.Port(), "5000");
  EXPECT_EQ(ParseUrl("http://h")->Port(), "80");
  EXPECT_EQ(ParseUrl("https://h")->Port(), "443");
}

TEST(UrlTest, UserInfoIsHiddenInAnyText) {
  EXPECT_EQ(WithoutUserInfo("https://me:a@b@h/x@y"), "https://***@h/x@y");
  EXPECT_EQ(WithoutUserInfo("me@h"), "***@h");
  EXPECT_EQ(WithoutUserInfo("https://h/x@y"), "https://h/x@y");
}

TEST(UrlTest, OneValueOfAQueryIsEncoded) {
  EXPECT_EQ(PercentEncode("a b&c=/é"), "a%20b%26c%3D%2F%C3%A9");
  EXPECT_EQ(PercentEncode(""), "");
  EXPECT_EQ(PercentDecode("a%20b%26c%3D%2F%C3%A9"), "a b&c=/é");
  EXPECT_EQ(PercentDecode("100%"), "100%");
  EXPECT_EQ(PercentDecode(""), "");
}

}  // namespace
}  // namespace crisp
