#include "base/proxy_rules.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

namespace crisp {
namespace {

constexpr char kProxy[] = "http://proxy.test:3128";

struct ExceptionCase {
  std::string no_proxy;
  std::string url;
  bool through_proxy;
};

// The right values are those of golang.org/x/net/http/httpproxy.
TEST(ProxyRulesTest, ExceptionsAreThoseOfGo) {
  const std::vector<ExceptionCase> cases = {
      {"", "https://reg.test", true},
      {"*", "https://reg.test", false},
      {"other.test, * ,x", "https://reg.test", false},
      {"reg.test", "https://reg.test", false},
      {"reg.test", "https://a.reg.test", false},
      {"reg.test", "https://areg.test", true},
      {"REG.test", "https://reg.TEST", false},
      {".reg.test", "https://reg.test", true},
      {".reg.test", "https://a.b.reg.test", false},
      {"*.reg.test", "https://a.reg.test", false},
      {"*.reg.test", "https://reg.test", true},
      {"reg.test:5000", "https://reg.test:5000", false},
      {"reg.test:5000", "https://reg.test", true},
      {"reg.test:443", "https://reg.test", false},
      {"*.reg.test:80", "http://a.reg.test", false},
      {"10.0.0.0/8", "https://10.1.2.3:5000", false},
      {"10.0.0.0/8", "https://11.1.2.3", true},
      {"10.128.0.0/9", "https://10.127.0.1", true},
      {"10.1.2.3", "https://10.1.2.3", false},
      {"10.1.2.3:5000", "https://10.1.2.3", true},
      {"10.1.2.3:5000", "https://10.1.2.3:5000", false},
      {"10.0.0.0/99,reg.test", "https://10.1.2.3", true},
      {"2001:db8::/32", "https://[2001:db8::1]:5000", false},
      {"2001:db8::1", "https://[2001:db8::1]", false},
      {"[2001:db8::1]:5000", "https://[2001:db8::1]:5000", false},
      {"[2001:db8::1]:5000", "https://[2001:db8::1]", true},
      {"2.3", "https://10.1.2.3", true},  // a domain is never the end of an address
      {":5000", "https://reg.test:5000", true},
      {"", "https://localhost:5000", false},
      {"", "http://127.0.0.1:5000", false},
      {"", "http://[::1]:5000", false},
  };
  for (const ExceptionCase& c : cases) {
    const ProxyRules rules(kProxy, kProxy, c.no_proxy);
    EXPECT_EQ(rules.ProxyFor(*ParseUrl(c.url)), c.through_proxy ? kProxy : "") << c.no_proxy << " " << c.url;
  }
}

TEST(ProxyRulesTest, EachSchemeHasItsProxy) {
  const ProxyRules rules("plain.test:80", "socks5://user:word@tunnel.test", "");
  EXPECT_EQ(rules.ProxyFor(*ParseUrl("http://reg.test")), "http://plain.test:80");
  EXPECT_EQ(rules.ProxyFor(*ParseUrl("https://reg.test")), "socks5h://user:word@tunnel.test");
  EXPECT_EQ(ProxyRules("http://plain.test", "", "").ProxyFor(*ParseUrl("https://reg.test")), "");
}

TEST(ProxyRulesTest, TheEnvironmentIsReadInUpperCaseFirst) {
  const std::vector<const char*> names = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                          "NO_PROXY",   "no_proxy",   "ALL_PROXY",   "all_proxy"};
  for (const char* name : names) unsetenv(name);
  const Url http = *ParseUrl("http://reg.test");
  const Url https = *ParseUrl("https://reg.test");
  setenv("ALL_PROXY", "http://all.test", 1);
  setenv("all_proxy", "http://all.test", 1);
  EXPECT_EQ(ProxyRules::FromEnvironment().ProxyFor(https), "") << "ALL_PROXY is curl's, not Go's";
  setenv("http_proxy", "http://lower.test", 1);
  EXPECT_EQ(ProxyRules::FromEnvironment().ProxyFor(http), "http://lower.test");
  setenv("HTTP_PROXY", "http://upper.test", 1);
  EXPECT_EQ(ProxyRules::FromEnvironment().ProxyFor(http), "http://upper.test");
  setenv("HTTP_PROXY", "", 1);
  EXPECT_EQ(ProxyRules::FromEnvironment().ProxyFor(http), "http://lower.test");
  setenv("https_proxy", "http://secure.test", 1);
  EXPECT_EQ(ProxyRules::FromEnvironment().ProxyFor(https), "http://secure.test");
  setenv("no_proxy", "reg.test", 1);
  EXPECT_EQ(ProxyRules::FromEnvironment().ProxyFor(https), "");
  setenv("NO_PROXY", "other.test", 1);
  EXPECT_EQ(ProxyRules::FromEnvironment().ProxyFor(https), "http://secure.test");
  for (const char* name : names) unsetenv(name);
}

}  // namespace
}  // namespace crisp
