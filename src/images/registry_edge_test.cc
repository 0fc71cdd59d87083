// The edge to registries: what was put in, what containerd 2.3 does with it (by its sources, core/remotes/docker, and
// golang.org/x/net/http/httpproxy), and what crisp does. Each row is run against registries that misbehave so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/testing/wait.h"
#include "images/digest.h"
#include "images/testing/registry_edge.h"

namespace crisp {
namespace {

using testing::HasSubstr;

constexpr char kSame[] = "the same";

struct Row {
  const char* name;
  const char* input;
  const char* containerd;
  const char* crisp;  // part of what `run` returns
  std::function<std::string(RegistryEdge&)> run;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.input << " | containerd: " << row.containerd << " | crisp: " << row.crisp;
}

// A row that is a hosts.toml and a pull.
std::function<std::string(RegistryEdge&)> Hosts(const std::string& text) {
  return [text](RegistryEdge& e) {
    e.Hosts(text);
    return e.Pull();
  };
}

// A hosts.toml with a mirror, which has these lines.
std::function<std::string(RegistryEdge&)> Mirror(const std::string& lines) {
  return Hosts(absl::StrCat("server = \"$registry\"\n[host.\"$mirror\"]\n", lines));
}

// A mirror that answers so, before the registry.
std::function<std::string(RegistryEdge&)> MirrorThat(FakeRegistry::Handler handler) {
  return [handler](RegistryEdge& e) {
    e.mirror.SetHandler(handler);
    return Mirror("")(e);
  };
}

// A registry that answers so, alone.
std::function<std::string(RegistryEdge&)> RegistryThat(FakeRegistry::Handler handler) {
  return [handler](RegistryEdge& e) {
    e.registry.SetHandler(handler);
    return Hosts("server = \"$registry\"\n")(e);
  };
}

bool IsBlob(const FakeRequest& request) {
  return absl::StrContains(request.path, "/blobs/");
}

FakeReply Redirect(const std::string& location, int status = 307) {
  return {.status = status, .headers = {{"Location", location}}};
}

FakeReply Challenge(const std::string& challenge) {
  return {.status = 401, .headers = {{"WWW-Authenticate", challenge}}};
}

// The layer's digest in `path` of `e` is redirected to `location`.
void RedirectLayer(RegistryEdge& e, FakeRegistry& from, const std::string& location) {
  const std::string digest = DigestOf(e.layer);
  from.SetHandler([digest, location](const FakeRequest& request) -> std::optional<FakeReply> {
    if (!absl::EndsWith(request.path, "/blobs/" + digest) || absl::StrContains(request.path, "/cdn/")) {
      return std::nullopt;
    }
    return Redirect(location);
  });
}

// A client's certificate and key in the files `name`.pem and `name`.key, and both in `name`-both.pem.
void ClientFiles(RegistryEdge& e, const TestCa& ca, const std::string& name) {
  const TestCertificate client = ca.Issue(name);
  e.File(name + ".pem", client.certificate);
  e.File(name + ".key", client.key);
  e.File(name + "-both.pem", client.certificate + client.key);
}

// A pull from the registry that wants a client's certificate, with these lines.
std::function<std::string(RegistryEdge&)> Guarded(const std::string& lines) {
  return [lines](RegistryEdge& e) {
    TestCa stranger("stranger");
    e.File("ca.pem", e.ca.pem());
    ClientFiles(e, stranger, "one");
    ClientFiles(e, e.client_ca, "two");
    e.Hosts("server = \"$guarded\"\nca = \"ca.pem\"\n" + lines);
    const std::string outcome = e.Pull();
    return e.guarded.requests().empty() ? outcome : absl::StrCat("client ", e.guarded.requests()[0].client);
  };
}

// A registry that wants a token of "$registry/token" by this challenge, and what its token server is asked.
std::function<std::string(RegistryEdge&)> Token(const std::string& challenge) {
  return [challenge](RegistryEdge& e) {
    e.registry.SetHandler([&, challenge](const FakeRequest& request) -> std::optional<FakeReply> {
      if (request.path == "/token") return FakeReply{.body = R"({"token":"t0ken"})"};
      if (request.Header("authorization") == "Bearer t0ken") return std::nullopt;
      return Challenge(e.Expand(challenge));
    });
    const std::string outcome = Hosts("server = \"$registry\"\n")(e);
    for (const FakeRequest& request : e.registry.requests()) {
      if (request.path == "/token")
        return absl::StrCat(outcome, "; asked for ", request.query, " with ", request.Header("authorization"));
    }
    return outcome;
  };
}

// The value of an environment variable for one row.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* const name_;
};

const Row kHostsToml[] = {
    {"CapabilitiesEmpty", "capabilities = []", "all capabilities", "tag mirror, manifest mirror, layer mirror",
     Mirror("capabilities = []")},
    {"CapabilitiesInAnyCase", "capabilities in capitals", "reads any case", "tag mirror, manifest mirror, layer mirror",
     Mirror("capabilities = [\"Pull\", \"RESOLVE\"]")},
    {"CapabilitiesReferrers", "capability \"referrers\"", "knows it", "tag mirror, manifest mirror, layer mirror",
     Mirror("capabilities = [\"pull\", \"resolve\", \"referrers\"]")},
    {"CapabilityPull", "a mirror that may only pull",
     "asks it for manifests by digest and for blobs; another resolves the tag",
     "tag registry, manifest mirror, layer mirror", Mirror("capabilities = [\"pull\"]")},
    {"CapabilityPush", "a mirror that may only push", "does not ask it for tags, but for blobs",
     "tag registry, manifest registry, layer registry", Mirror("capabilities = [\"push\"]")},
    {"CapabilityResolve", "a mirror that may only resolve", "asks it for blobs, and not for tags",
     "tag mirror, manifest registry, layer registry", Mirror("capabilities = [\"resolve\"]")},
    {"CapabilityUnknown", "an unknown capability", "leaves the file with an error in its log, asks the registry",
     "hosts.toml:3: host.\"http://127.0.0.1:", Mirror("capabilities = [\"eat\"]")},
    {"OrderIsTheFiles", "a mirror without the tag", "asks it again for each manifest and blob",
     "tag registry, manifest mirror, layer mirror",
     MirrorThat([](const FakeRequest& request) -> std::optional<FakeReply> {
       return absl::EndsWith(request.path, "/1") ? std::make_optional(FakeReply{.status = 404}) : std::nullopt;
     })},
    {"ServerEmpty", "server = \"\"", "the host of the image's name", "tag registry, manifest registry, layer registry",
     [](RegistryEdge& e) {
       e.reference = e.registry.host() + "/library/x:1";
       return Hosts("server = \"\"\n")(e);
     }},
    {"CaString", "ca = a path", "trusts it and the system's", "tag secure",
     [](RegistryEdge& e) {
       e.File("ca.pem", e.ca.pem());
       return Hosts("server = \"$secure\"\nca = \"ca.pem\"\n")(e);
     }},
    {"CaList", "ca = a list of paths", "trusts all of them", "tag secure",
     [](RegistryEdge& e) {
       e.File("one.pem", e.client_ca.pem());
       e.File("two.pem", e.ca.pem());
       return Hosts("server = \"$secure\"\nca = [\"one.pem\", \"$DIR/two.pem\"]\n")(e);
     }},
    {"CaOfAnother", "ca without the right one", "certificate error", "certificate",
     [](RegistryEdge& e) {
       e.File("one.pem", e.client_ca.pem());
       return Hosts("server = \"$secure\"\nca = [\"one.pem\"]\n")(e);
     }},
    {"CaMissing", "ca = a file that is not there", "error of the pull", "CA: open",
     Hosts("server = \"$secure\"\nca = \"absent.pem\"\n")},
    {"CaWithoutCertificate", "ca = a file without a certificate", "error of the pull", "has no CA certificate",
     [](RegistryEdge& e) {
       e.File("ca.pem", "nothing");
       return Hosts("server = \"$secure\"\nca = \"ca.pem\"\n")(e);
     }},
    {"ClientString", "client = a path", "certificate and key in one file", "client two",
     Guarded("client = \"two-both.pem\"")},
    {"ClientList", "client = a list of paths", "each has certificate and key; the one that fits is shown", "client two",
     Guarded("client = [\"one-both.pem\", \"two-both.pem\"]")},
    {"ClientPairs", "client = a list of pairs", "certificate and key of each", "client two",
     Guarded("client = [[\"one.pem\", \"one.key\"], [\"two.pem\", \"two.key\"]]")},
    {"ClientPairWithoutKey", "client = a pair with an empty key",
     "takes the directory for the key, and fails; its documentation has the key in the same file", "client two",
     Guarded("client = [[\"two-both.pem\", \"\"]]")},
    {"ClientOfAnotherAuthority", "client = a certificate that the server does not accept", "shows none",
     "RegistryUnavailable: pull reg.test/library/x:1", Guarded("client = \"one-both.pem\"")},
    {"ClientWithAnotherKey", "client = a key of another certificate", "error of the pull", "has another key than",
     Guarded("client = [[\"two.pem\", \"one.key\"]]")},
    {"CertificatesBesideAnEmptyFile", "an empty hosts.toml, *.cert and *.key beside it", "uses the certificates",
     "client two",
     [](RegistryEdge& e) {
       e.reference = e.guarded.host() + "/library/x:1";
       e.File("hosts.toml", "");
       const TestCertificate client = e.client_ca.Issue("two");
       e.File("two.cert", client.certificate);
       e.File("two.key", client.key);
       const std::string outcome = e.Pull();
       return e.guarded.requests().empty() ? outcome : absl::StrCat("client ", e.guarded.requests()[0].client);
     }},
    {"SkipVerify", "skip_verify = true", "takes any certificate", "tag secure",
     Hosts("server = \"$secure\"\nskip_verify = true\n")},
    {"SkipVerifyFalse", "skip_verify = false", "certificate error", "certificate",
     Hosts("server = \"$secure\"\nskip_verify = false\n")},
    {"SkipVerifyOfAWrongType", "skip_verify = \"yes\"", "leaves the file with an error in its log",
     "hosts.toml:2: skip_verify: expected true or false, found a string",
     Hosts("server = \"$secure\"\nskip_verify = \"yes\"\n")},
    {"OverridePath", "override_path = true", "the path is used as it is", "/proxy/library/x/manifests/1",
     [](RegistryEdge& e) {
       Hosts("server = \"$registry\"\n[host.\"$mirror/proxy\"]\noverride_path = true\n")(e);
       return e.mirror.requests().at(0).path;
     }},
    {"OverridePathWithoutAPath", "override_path = true, and no path", "no \"/v2\"", "/library/x/manifests/1",
     [](RegistryEdge& e) {
       Hosts("server = \"$registry\"\n[host.\"$mirror\"]\noverride_path = true\n")(e);
       return absl::StrCat("at ", e.mirror.requests().at(0).path);
     }},
    {"PathWithoutOverride", "a path", "\"/v2\" behind it", "/proxy/v2/library/x/manifests/1",
     [](RegistryEdge& e) {
       Hosts("server = \"$registry\"\n[host.\"$mirror/proxy\"]\n")(e);
       return e.mirror.requests().at(0).path;
     }},
    {"OverridePathOfAWrongType", "override_path = 1", "leaves the file with an error in its log",
     "override_path: expected true or false, found a number", Mirror("override_path = 1")},
    {"HeaderOnce", "[host.header]", "once with each request", "x-tenant: blue; x-tenant: blue; x-tenant: blue",
     [](RegistryEdge& e) {
       Mirror("header.x-tenant = \"blue\"\n")(e);
       return RegistryEdge::Headers(e.mirror, "library/x", "x-tenant");
     }},
    {"HeaderAuthorization", "[host.header] with Authorization", "is sent", "Authorization: Basic dTpw;",
     [](RegistryEdge& e) {
       Mirror("header.Authorization = \"Basic dTpw\"\n")(e);
       std::string values = RegistryEdge::Headers(e.mirror, "library/x", "authorization");
       return absl::StrCat("A", values.substr(1));
     }},
    {"HeaderOfTheTokenServer", "[host.header], and a token server", "is shown to it too", "x-tenant: blue",
     [](RegistryEdge& e) {
       e.registry.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.path == "/token") return FakeReply{.body = R"({"token":"t0ken"})"};
         if (request.Header("authorization") == "Bearer t0ken") return std::nullopt;
         return Challenge(absl::StrCat("Bearer realm=\"", e.registry.Url("/token"), "\""));
       });
       Hosts("server = \"$registry\"\n[header]\nx-tenant = \"blue\"\n")(e);
       return RegistryEdge::Headers(e.registry, "/token", "x-tenant");
     }},
    {"UnknownKey", "a key that is misspelt", "says nothing",
     "hosts.toml:3: host.\"http://127.0.0.1:", Mirror("capabilitys = [\"pull\"]")},
    {"SyntaxError", "no TOML", "leaves the file with an error in its log, asks the registry",
     "hosts.toml:1: ", Hosts("server = ")},
    {"PlainWithTlsOptions", "http:// with ca, where TLS is spoken", "tries https first", "tag secure",
     [](RegistryEdge& e) {
       e.File("ca.pem", e.ca.pem());
       return Hosts(absl::StrCat("server = \"http://", e.secure.host(), "\"\nca = \"ca.pem\"\n"))(e);
     }},
    {"PlainWithTlsOptionsAndNoTls", "http:// with skip_verify, where http is spoken", "falls back to http",
     "tag mirror, manifest mirror, layer mirror", Mirror("skip_verify = false")},
    {"LocalhostSelfSigned", "a registry on localhost with a certificate of its own", "takes any certificate",
     "tag secure, manifest secure, layer secure",
     [](RegistryEdge& e) {
       e.reference = e.secure.host() + "/library/x:1";
       return e.Pull();
     }},
    {"LocalhostPlain", "a registry on localhost without TLS", "tries https, then http", "tag registry",
     [](RegistryEdge& e) {
       e.reference = e.registry.host() + "/library/x:1";
       return e.Pull();
     }},
};

const Row kAnswers[] = {
    {"HtmlForAManifest", "a mirror answers HTML with 200",
     "fails, where HEAD tells no digest: the page is taken for the manifest", "tag registry",
     MirrorThat([](const FakeRequest&) {
       return FakeReply{.headers = {{"Content-Type", "text/html"}}, .body = "<html>log in</html>"};
     })},
    {"ErrorsWithStatus200", "a mirror answers a document of errors with 200", "fails likewise", "tag registry",
     MirrorThat([](const FakeRequest&) { return FakeReply{.body = R"({"errors":[{"code":"DENIED"}]})"}; })},
    {"HtmlForABlob", "a mirror answers HTML without a length for blobs", "fails: the digest is another",
     "tag mirror, manifest mirror, layer ",
     [](RegistryEdge& e) {
       const std::string outcome = MirrorThat([](const FakeRequest& request) -> std::optional<FakeReply> {
         if (!IsBlob(request)) return std::nullopt;
         return FakeReply{.headers = {{"Content-Type", "text/html"}}, .body = "<html>", .without_length = true};
       })(e);
       EXPECT_EQ(e.registry.Count("/blobs/"), 2);
       return outcome;
     }},
    {"HeadForbidden", "HEAD is answered 403", "asks again by GET for the error's text, then fails",
     "digest from registry",
     [](RegistryEdge& e) {
       e.Hosts("server = \"$registry\"\n");
       for (const int status : {400, 403, 405, 500, 501}) {
         e.registry.SetHandler([status](const FakeRequest& request) {
           return request.method == "HEAD" ? std::make_optional(FakeReply{.status = status}) : std::nullopt;
         });
         const std::string outcome = e.PullAgain();
         if (outcome != "digest from registry") return absl::StrCat(status, ": ", outcome);
       }
       return e.PullAgain();
     }},
    {"HeadWithoutADigest", "HEAD is answered 200 without a digest", "asks by GET", "digest from registry",
     [](RegistryEdge& e) {
       e.Hosts("server = \"$registry\"\n");
       e.registry.SetHandler([](const FakeRequest& request) {
         return request.method == "HEAD" ? std::make_optional(FakeReply{}) : std::nullopt;
       });
       return e.PullAgain();
     }},
    {"HeadHangsUp", "the connection ends at HEAD", "fails", "digest from registry",
     [](RegistryEdge& e) {
       e.Hosts("server = \"$registry\"\n");
       e.registry.SetHandler([](const FakeRequest& request) {
         const bool head = request.method == "HEAD";
         return head ? std::make_optional(FakeReply{.drop = true}) : std::nullopt;
       });
       return e.PullAgain();
     }},
    {"HeadNotFound", "HEAD is answered 404", "not found", "404 Not Found; 1 request",
     [](RegistryEdge& e) {
       e.Hosts("server = \"$registry\"\n");
       e.registry.SetHandler([](const FakeRequest&) { return FakeReply{.status = 404}; });
       const std::string outcome = e.PullAgain();
       return absl::StrCat(outcome, "; ", e.registry.requests().size(), " request");
     }},
    {"RangeNotSatisfiable", "416 after a break", "fails", "layer registry",
     [](RegistryEdge& e) {
       return RegistryThat([&e, count = 0](const FakeRequest& request) mutable -> std::optional<FakeReply> {
         if (!absl::EndsWith(request.path, DigestOf(e.layer))) return std::nullopt;
         if (!request.Header("range").empty()) return FakeReply{.status = 416};
         return ++count == 1 ? std::make_optional(FakeReply{.body = e.layer, .reset_after = 1000}) : std::nullopt;
       })(e);
     }},
    {"WrongRange", "another range than asked for, after a break", "takes it, and the digest is another",
     "layer registry",
     [](RegistryEdge& e) {
       return RegistryThat([&e, count = 0](const FakeRequest& request) mutable -> std::optional<FakeReply> {
         if (!absl::EndsWith(request.path, DigestOf(e.layer))) return std::nullopt;
         if (request.Header("range").empty()) {
           return ++count == 1 ? std::make_optional(FakeReply{.body = e.layer, .reset_after = 1000}) : std::nullopt;
         }
         return FakeReply{.status = 206,
                          .headers = {{"Content-Range", absl::StrCat("bytes 7-2/", e.layer.size())}},
                          .body = e.layer.substr(7)};
       })(e);
     }},
    {"RetryAfter", "429 with a long Retry-After from a mirror", "asks it five times at once, then the next",
     "tag registry, manifest registry, layer registry",
     [](RegistryEdge& e) {
       const MonoTime start = MonoClock::now();
       const std::string outcome = MirrorThat([](const FakeRequest&) {
         return FakeReply{.status = 429, .headers = {{"Retry-After", "3600"}}};
       })(e);
       EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(15)) << "the mirror was waited for";
       return outcome;
     }},
    {"HangUpInTheHandshake", "a TLS server that hangs up in the first handshake", "asks again", "tag secure",
     [](RegistryEdge& e) {
       *e.hang_ups = 1;
       return Hosts("server = \"$secure\"\nskip_verify = true\n")(e);
     }},
    {"SilentMirror", "a mirror that does not begin to answer", "30 s, then the next", "tag registry",
     [](RegistryEdge& e) {
       e.times.answer = std::chrono::milliseconds(200);
       return MirrorThat([](const FakeRequest&) { return FakeReply{.hang = true, .drop = true}; })(e);
     }},
    {"SilentRegistry", "a registry that does not begin to answer, nor any other",
     "30 s five times; image_pull_progress_timeout ends the pull", "no byte for 600 ms",
     [](RegistryEdge& e) {
       e.times.http.stall = std::chrono::milliseconds(600);
       return RegistryThat([](const FakeRequest&) { return FakeReply{.hang = true, .drop = true}; })(e);
     }},
    {"SlowRegistry", "a registry that takes longer than 30 s to begin to answer", "fails", "tag registry",
     [](RegistryEdge& e) {
       e.times.answer = std::chrono::milliseconds(50);
       e.times.http.stall = std::chrono::seconds(20);
       return RegistryThat([](const FakeRequest&) -> std::optional<FakeReply> {
         LetTimePass(std::chrono::milliseconds(150));
         return std::nullopt;
       })(e);
     }},
    {"DialTimeout", "dial_timeout of a mirror that takes no connection", "the next after that time", "tag registry",
     [](RegistryEdge& e) {
       const FullListener full;
       const MonoTime start = MonoClock::now();
       e.Hosts(absl::StrCat("server = \"$registry\"\n[host.\"http://", full.host(), "\"]\ndial_timeout = \"50ms\"\n"));
       const std::string outcome = e.Pull();
       EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(20)) << "30 s is the limit without dial_timeout";
       return outcome;
     }},
};

const Row kRedirects[] = {
    {"CdnWithAChallenge", "a redirect to a host that wants a token of its own", "answers it, with any credentials",
     "layer cdn; asked with ; blob with Bearer cdn-token",
     [](RegistryEdge& e) {
       e.auth = {.username = "u", .password = "pa55word"};
       RedirectLayer(e, e.registry, e.cdn.Url("/cdn/blobs/" + DigestOf(e.layer)));
       e.cdn.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.path == "/token") return FakeReply{.body = R"({"token":"cdn-token"})"};
         if (request.Header("authorization") == "Bearer cdn-token") return std::nullopt;
         return Challenge(absl::StrCat("Bearer realm=\"", e.cdn.Url("/token"), "\""));
       });
       const std::string outcome = Hosts("server = \"$registry\"\n")(e);
       const std::vector<FakeRequest> requests = e.cdn.requests();
       return absl::StrCat(outcome, "; asked with ", requests.at(1).Header("authorization"), "; blob with ",
                           requests.at(2).Header("authorization"));
     }},
    {"CdnWithCredentials", "a redirect to a host that has credentials configured", "uses those", "layer both",
     [](RegistryEdge& e) {
       e.options.auth[e.both.host()] = {.username = "me", .password = "cdnword"};
       RedirectLayer(e, e.secure, e.both.Url("/cdn/blobs/" + DigestOf(e.layer)));
       e.both.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.Header("authorization") == "Basic " + absl::Base64Escape("me:cdnword")) return std::nullopt;
         return Challenge("Basic realm=\"cdn\"");
       });
       return Hosts("server = \"$secure\"\nskip_verify = true\n")(e);
     }},
    {"CdnWithCredentialsByHttp", "the same by http", "uses those", "401 Unauthorized",
     [](RegistryEdge& e) {
       e.options.auth[e.cdn.host()] = {.username = "me", .password = "cdnword"};
       RedirectLayer(e, e.registry, e.cdn.Url("/cdn/blobs/" + DigestOf(e.layer)));
       e.cdn.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
         EXPECT_EQ(request.Header("authorization"), "");
         return Challenge("Basic realm=\"cdn\"");
       });
       return Hosts("server = \"$registry\"\n")(e);
     }},
    {"OtherPathWithAChallenge", "a redirect to another path of the host, with a challenge of its own",
     "answers it, unless it keeps the first one's token", "layer registry",
     [](RegistryEdge& e) {
       const std::string digest = DigestOf(e.layer);
       e.registry.SetHandler([&e, digest](const FakeRequest& request) -> std::optional<FakeReply> {
         for (const char* name : {"front", "back"}) {
           if (request.path == absl::StrCat("/token-", name)) {
             return FakeReply{.body = absl::StrCat(R"({"token":")", name, R"("})")};
           }
         }
         const std::string wanted = absl::StartsWith(request.path, "/cdn/") ? "back" : "front";
         if (request.Header("authorization") != "Bearer " + wanted) {
           return Challenge(absl::StrCat("Bearer realm=\"", e.registry.Url("/token-" + wanted), "\""));
         }
         if (wanted == "front" && absl::EndsWith(request.path, digest)) return Redirect("/cdn/blobs/" + digest);
         return std::nullopt;
       });
       return Hosts("server = \"$registry\"\n")(e);
     }},
    {"ToHttpsOfTheHost", "a redirect from http to https of one host, which wants credentials", "shows them",
     "tag both, manifest both, layer both",
     [](RegistryEdge& e) {
       e.reference = e.both.host() + "/library/x:1";
       e.auth = {.username = "u", .password = "pa55word"};
       e.both.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
         if (!request.secure) return Redirect(absl::StrCat(e.both.Url(request.path), "?", request.query));
         if (request.Header("authorization") == "Basic " + absl::Base64Escape("u:pa55word")) return std::nullopt;
         return Challenge("Basic realm=\"r\"");
       });
       e.options.tls[e.both.host()].insecure_skip_verify = true;
       return Hosts(absl::StrCat("server = \"http://", e.both.host(), "\"\n"))(e);
     }},
    {"TlsOfTheHostAlongRedirects", "a redirect to a host with the same private authority", "trusts it",
     "tag secure, manifest secure, layer both",
     [](RegistryEdge& e) {
       e.File("ca.pem", e.ca.pem());
       RedirectLayer(e, e.secure, e.both.Url("/cdn/blobs/" + DigestOf(e.layer)));
       return Hosts("server = \"$secure\"\nca = \"ca.pem\"\n")(e);
     }},
    {"ClientCertificateAlongRedirects", "a redirect to a host that wants the client's certificate", "shows it",
     "tag secure, manifest secure, layer guarded",
     [](RegistryEdge& e) {
       e.File("ca.pem", e.ca.pem());
       ClientFiles(e, e.client_ca, "two");
       RedirectLayer(e, e.secure, e.guarded.Url("/cdn/blobs/" + DigestOf(e.layer)));
       return Hosts("server = \"$secure\"\nca = \"ca.pem\"\nclient = [[\"two.pem\", \"two.key\"]]\n")(e);
     }},
    {"SpaceInLocation", "a raw space in Location", "encodes it", "/cdn/a%20b/blobs/",
     [](RegistryEdge& e) {
       RedirectLayer(e, e.registry, e.cdn.Url("/cdn/a b/blobs/" + DigestOf(e.layer)));
       EXPECT_THAT(Hosts("server = \"$registry\"\n")(e), HasSubstr("layer cdn"));
       return e.cdn.requests().at(0).path;
     }},
    {"ToHttpForABlob", "a redirect from https to http, for a blob", "follows it", "layer cdn; with ",
     [](RegistryEdge& e) {
       RedirectLayer(e, e.secure, e.cdn.Url("/cdn/blobs/" + DigestOf(e.layer)));
       const std::string outcome =
           Hosts("server = \"$secure\"\nskip_verify = true\nheader.authorization = \"Basic dTpw\"\n")(e);
       return absl::StrCat(outcome, "; with ", e.cdn.requests().at(0).Header("authorization"));
     }},
    {"ToHttpForATag", "a redirect from https to http, for a tag", "follows it",
     "which is followed only for what has a digest",
     [](RegistryEdge& e) {
       e.secure.SetHandler([&](const FakeRequest& request) { return Redirect(e.cdn.Url(request.path)); });
       return Hosts("server = \"$secure\"\nskip_verify = true\n")(e);
     }},
    {"EndlessRedirects", "redirects without end", "ends after ten", "more than 10 redirects",
     [](RegistryEdge& e) {
       return RegistryThat([](const FakeRequest& request) { return Redirect(request.path + "x"); })(e);
     }},
};

const Row kTokens[] = {
    {"TokenServerRedirects", "a token server that redirects on its host", "follows, with the credentials",
     "tag registry; asked for the second with Basic dTpwYTU1d29yZA==",
     [](RegistryEdge& e) {
       e.auth = {.username = "u", .password = "pa55word"};
       e.reference = e.registry.host() + "/library/x:1";
       e.registry.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.path == "/token") return Redirect("/second", 302);
         if (request.path == "/second") return FakeReply{.body = R"({"token":"t0ken"})"};
         if (request.Header("authorization") == "Bearer t0ken") return std::nullopt;
         return Challenge("Bearer realm=\"/token\"");
       });
       const std::string outcome = e.Pull();
       return absl::StrCat(outcome.substr(0, outcome.find(',')), "; asked for the second with ",
                           RegistryEdge::Headers(e.registry, "/second", "authorization").substr(15));
     }},
    {"TokenServerRedirectsElsewhere", "a token server that redirects to another host",
     "follows, without the credentials", "tag registry; elsewhere with authorization: ;",
     [](RegistryEdge& e) {
       e.auth = {.username = "u", .password = "pa55word"};
       e.reference = e.registry.host() + "/library/x:1";
       e.cdn.SetHandler([](const FakeRequest&) { return FakeReply{.body = R"({"token":"t0ken"})"}; });
       e.registry.SetHandler([&](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.path == "/token") return Redirect(e.cdn.Url("/token"), 302);
         if (request.Header("authorization") == "Bearer t0ken") return std::nullopt;
         return Challenge("Bearer realm=\"/token\"");
       });
       const std::string outcome = e.Pull();
       return absl::StrCat(outcome.substr(0, outcome.find(',')), "; elsewhere with ",
                           RegistryEdge::Headers(e.cdn, "/token", "authorization"), ";");
     }},
    {"NoService", "a challenge without service", "sends none", "asked for scope=repository%3Alibrary%2Fx%3Apull with",
     Token("Bearer realm=\"$registry/token\"")},
    {"EmptyService", "a challenge with an empty service", "sends none",
     "asked for scope=repository%3Alibrary%2Fx%3Apull with",
     Token("Bearer realm=\"$registry/token\",service=\"\",scope=\"repository:library/x:pull\"")},
    {"UnquotedParameters", "parameters without quotes", "reads a realm up to its first \":\", and fails",
     "asked for service=reg&scope=repository%3Alibrary%2Fx%3Apull%2Cpush with",
     Token("Bearer realm=$registry/token,scope=repository:library/x:pull,push,service=reg")},
    {"RelativeRealm", "a realm without a host", "fails", "asked for service=reg&scope",
     Token("Bearer realm=\"/token\",service=\"reg\"")},
    {"RealmWithAQuery", "a realm with a query", "keeps it", "asked for account=a&service=reg&scope",
     Token("Bearer realm=\"$registry/token?account=a\",service=\"reg\"")},
    {"SecondChallenge", "a challenge whose token server is down, and Basic", "takes the first only, and fails",
     "tag registry",
     [](RegistryEdge& e) {
       e.auth = {.username = "u", .password = "pa55word"};
       e.reference = e.registry.host() + "/library/x:1";
       e.registry.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.Header("authorization") == "Basic " + absl::Base64Escape("u:pa55word")) return std::nullopt;
         return FakeReply{.status = 401,
                          .headers = {{"WWW-Authenticate", "Negotiate"},
                                      {"WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:1/token\""},
                                      {"WWW-Authenticate", "Basic realm=\"r\""}}};
       });
       return e.Pull();
     }},
    {"SecondToken", "a challenge whose token is refused, and another one", "takes the first only, and fails",
     "tag registry",
     [](RegistryEdge& e) {
       e.registry.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
         for (const char* name : {"bad", "good"}) {
           if (request.path == absl::StrCat("/", name))
             return FakeReply{.body = absl::StrCat(R"({"token":")", name, R"("})")};
         }
         if (request.Header("authorization") == "Bearer good") return std::nullopt;
         return FakeReply{.status = 401,
                          .headers = {{"WWW-Authenticate", "Bearer realm=\"/bad\""},
                                      {"WWW-Authenticate", "Bearer realm=\"/good\""}}};
       });
       return Hosts("server = \"$registry\"\n")(e);
     }},
    {"CredentialsForMirrors", "credentials of the request, and a mirror that asks for some", "shows them",
     "tag registry, manifest registry, layer registry; mirror saw nothing",
     [](RegistryEdge& e) {
       e.auth = {.username = "u", .password = "pa55word"};
       const std::string outcome = MirrorThat([](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.Header("authorization").empty()) return Challenge("Basic realm=\"mirror\"");
         return std::nullopt;
       })(e);
       bool seen = false;
       for (const FakeRequest& request : e.mirror.requests()) seen |= !request.Header("authorization").empty();
       return absl::StrCat(outcome, "; mirror saw ", seen ? "credentials" : "nothing");
     }},
    {"CredentialsForMirrorsByKey", "the same with crisp.credentials_for_mirrors", "has no such key", "tag mirror",
     [](RegistryEdge& e) {
       e.auth = {.username = "u", .password = "pa55word"};
       e.options.credentials_for_mirrors = true;
       return MirrorThat([](const FakeRequest& request) -> std::optional<FakeReply> {
         if (request.Header("authorization") == "Basic " + absl::Base64Escape("u:pa55word")) return std::nullopt;
         return Challenge("Basic realm=\"mirror\"");
       })(e);
     }},
};

const Row kEnvironment[] = {
    {"HttpProxy", "HTTP_PROXY", kSame, "http://reg.test/v2/library/x/manifests/1",
     [](RegistryEdge& e) {
       const Environment proxy("HTTP_PROXY", e.cdn.host());
       Hosts("server = \"http://reg.test\"\n")(e);
       return e.cdn.requests().empty() ? "no request" : e.cdn.requests()[0].path;
     }},
    {"HttpsProxy", "HTTPS_PROXY", kSame, "CONNECT reg.test:443",
     [](RegistryEdge& e) {
       const Environment proxy("HTTPS_PROXY", e.cdn.host());
       Hosts("server = \"https://reg.test\"\n")(e);
       if (e.cdn.requests().empty()) return std::string("no request");
       return absl::StrCat(e.cdn.requests()[0].method, " ", e.cdn.requests()[0].path);
     }},
    {"NoProxy", "NO_PROXY=*.test", kSame, "Could not resolve host",
     [](RegistryEdge& e) {
       const Environment proxy("HTTP_PROXY", e.cdn.host());
       const Environment none("NO_PROXY", "*.test");
       return Hosts("server = \"http://x.reg.test\"\n")(e);
     }},
    {"AllProxy", "ALL_PROXY", "does not read it", "tag secure",
     [](RegistryEdge& e) {
       const Environment proxy("ALL_PROXY", "http://127.0.0.1:1");
       return Hosts("server = \"$secure\"\nskip_verify = true\n")(e);
     }},
    {"SslCertFile", "SSL_CERT_FILE", "trusts what is in it", "tag secure",
     [](RegistryEdge& e) {
       e.File("ca.pem", e.ca.pem());
       const Environment file("SSL_CERT_FILE", e.Path("ca.pem"));
       return Hosts("server = \"$secure\"\n")(e);
     }},
    {"SslCertDir", "SSL_CERT_DIR", "trusts what is in the files of the directories", "tag secure",
     [](RegistryEdge& e) {
       e.File("any.name", e.ca.pem());
       const Environment directory("SSL_CERT_DIR", "/nonexistent:" + e.Path(""));
       return Hosts("server = \"$secure\"\n")(e);
     }},
    {"SystemCertificates", "neither", "trusts the system's", "certificate", Hosts("server = \"$secure\"\n")},
};

class RegistryEdgeTest : public testing::TestWithParam<Row> {};

TEST_P(RegistryEdgeTest, IsAsTheTableSays) {
  RegistryEdge edge;
  EXPECT_THAT(GetParam().run(edge), HasSubstr(GetParam().crisp));
}

std::string NameOf(const testing::TestParamInfo<Row>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(HostsToml, RegistryEdgeTest, testing::ValuesIn(kHostsToml), NameOf);
INSTANTIATE_TEST_SUITE_P(Answers, RegistryEdgeTest, testing::ValuesIn(kAnswers), NameOf);
INSTANTIATE_TEST_SUITE_P(Redirects, RegistryEdgeTest, testing::ValuesIn(kRedirects), NameOf);
INSTANTIATE_TEST_SUITE_P(Tokens, RegistryEdgeTest, testing::ValuesIn(kTokens), NameOf);
INSTANTIATE_TEST_SUITE_P(TheEnvironment, RegistryEdgeTest, testing::ValuesIn(kEnvironment), NameOf);

}  // namespace
}  // namespace crisp
