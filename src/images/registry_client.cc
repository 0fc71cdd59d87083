#include "images/registry_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/excerpt.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/endpoints.h"
#include "images/registry_auth.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

constexpr int kRounds = 3;
constexpr int kRedirectsLimit = 10;
// A download that received at least this much before it broke off starts its rounds again: the registry is alive.
constexpr uint64_t kProgress = 1 << 20;

const char* ReasonPhrase(int status) {
  switch (status) {
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    case 504:
      return " Gateway Timeout";
    default:
      return "";
  }
}

// The first error of a registry's error document (distribution specification, "Error Codes"), if it is one.
std::string RegistryError(const std::string& body) {
  const absl::StatusOr<JsonDocument> document = JsonDocument::Parse(body);
  if (!document.ok()) return "";
  const absl::StatusOr<std::vector<JsonReader>> errors = document->root().Objects("errors");
  if (!errors.ok() || errors->empty()) return "";
  const absl::StatusOr<std::string> code = errors->front().String("code");
  const absl::StatusOr<std::string> message = errors->front().String("message");
  if (!code.ok() || !message.ok()) return "";
  return absl::StrCat(" (", Excerpt(*code, 60), ": ", Excerpt(*message, 200), ")");
}

// The time to wait according to "Retry-After: <seconds>" or "Retry-After: <date>" (RFC 9110, section 10.2.3), at most
// an hour.
milliseconds RetryAfter(const HttpResponse& response) {
  using std::chrono::seconds;
  using std::chrono::system_clock;
  const std::string value = response.Header("retry-after");
  int64_t told = 0;
  seconds wait{0};
  if (absl::SimpleAtoi(value, &told)) {
    wait = seconds(told);
  } else if (const time_t when = curl_getdate(value.c_str(), nullptr); when >= 0) {
    wait = std::chrono::floor<seconds>(system_clock::from_time_t(when) - system_clock::now());
  }
  return std::clamp<seconds>(wait, seconds(0), std::chrono::hours(1));
}

absl::Status Sleep(milliseconds pause, const CallContext& call) {
  const MonoTime until = MonoClock::now() + pause;
  while (MonoClock::now() < until) {
    RETURN_IF_ERROR(call.Check());
    std::this_thread::sleep_until(std::min(until, call.NextLook()));
  }
  return call.Check();
}

bool IsRedirect(const HttpResponse& response) {
  switch (response.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return !response.Header("location").empty();
    default:
      return false;
  }
}

}  // namespace

struct RegistryClient::Site {
  Site(const Endpoint& e, Credentials credentials, const std::string& scope)
      : endpoint(e), authorizer(e, std::move(credentials), scope) {}
  const Endpoint endpoint;
  Authorizer authorizer;
  // The endpoint has answered http. A 400 does not count: TLS servers answer it to plain http.
  std::atomic<bool> speaks_http{false};
};

// A request to any site.
struct RegistryClient::Ask {
  std::string method = "GET";
  std::string path;  // below the repository: "/manifests/latest"
  std::vector<std::string> headers;
  size_t body_limit = kAnswerLimit;
  std::function<absl::Status(const HttpResponse&)> begin;
  Sink sink;
};

// The capability of hosts.toml that an endpoint needs for a request.
enum class RegistryClient::Need { kResolve, kContent };

// The result of a request to one endpoint.
struct RegistryClient::Outcome {
  absl::Status status = {};
  bool tried = true;
  bool passing = false;     // a retry may help
  bool progressed = false;  // the download broke off after kProgress or more
  bool final = false;       // not a fault of the endpoint: another one cannot help
  milliseconds retry_after{0};
};

// The download of a blob over one or more requests.
struct RegistryClient::Download {
  const std::string& digest;
  const uint64_t size;
  const Sink& sink;
  uint64_t received = 0;
  uint64_t skip = 0;  // bytes of this response that were received before
  absl::Status sink_error;

  // Checks that the response continues where the download broke off, or starts from the beginning.
  absl::Status Begin(const HttpResponse& response) {
    uint64_t start = 0;
    if (response.status == 206) {
      const std::string range = response.Header("content-range");
      absl::string_view rest = range;
      if (received == 0 || !absl::ConsumePrefix(&rest, absl::StrCat("bytes ", received, "-"))) {
        return absl::InternalError(
            absl::StrCat("asked for bytes from ", received, ", got \"", absl::CHexEscape(range.substr(0, 80)), "\""));
      }
      start = received;
    }
    skip = received - start;
    uint64_t length = 0;
    if (absl::SimpleAtoi(response.Header("content-length"), &length) && length != size - start) {
      return absl::InternalError(absl::StrCat("the registry has ", start + length, " bytes, the manifest says ", size));
    }
    return absl::OkStatus();
  }

  absl::Status Take(absl::string_view bytes) {
    const size_t known = static_cast<size_t>(std::min<uint64_t>(skip, bytes.size()));
    skip -= known;
    bytes.remove_prefix(known);
    if (bytes.size() > size - received) {
      return absl::InternalError(absl::StrCat("it is longer than the ", size, " bytes that the manifest says"));
    }
    if (bytes.empty()) return absl::OkStatus();
    received += bytes.size();
    sink_error = sink(bytes);
    return sink_error;
  }
};

RegistryClient::RegistryClient(const RegistryOptions& options, Reference reference, RegistryTimes times)
    : options_(options), reference_(std::move(reference)), times_(times), http_(times.http) {}

RegistryClient::~RegistryClient() = default;

absl::StatusOr<std::unique_ptr<RegistryClient>> RegistryClient::Create(const RegistryOptions& options,
                                                                       Reference reference, const RegistryAuth& auth,
                                                                       RegistryTimes times) {
  const std::string domain = reference.domain;
  const std::string scope = absl::StrCat("repository:", reference.path, ":pull");
  auto client = std::unique_ptr<RegistryClient>(new RegistryClient(options, std::move(reference), times));
  ASSIGN_OR_RETURN(const std::vector<Endpoint> endpoints, EndpointsFor(options, domain));
  for (const Endpoint& endpoint : endpoints) {
    ASSIGN_OR_RETURN(Credentials credentials, CredentialsFor(options, domain, auth, endpoint));
    client->sites_.push_back(std::make_unique<Site>(endpoint, std::move(credentials), scope));
  }
  return client;
}

absl::StatusOr<RawManifest> RegistryClient::FetchManifest(const CallContext& call) {
  return FetchManifest(reference_.TagOrDigest(), 0, call);
}

absl::StatusOr<RawManifest> RegistryClient::FetchManifest(const Descriptor& descriptor, const CallContext& call) {
  return FetchManifest(descriptor.digest, descriptor.size, call);
}

absl::StatusOr<RawManifest> RegistryClient::FetchManifest(const std::string& tag_or_digest, uint64_t size,
                                                          const CallContext& call) {
  RawManifest manifest;
  RETURN_IF_ERROR(TryEach(
      absl::StrCat("manifest ", tag_or_digest), IsDigest(tag_or_digest) ? Need::kContent : Need::kResolve,
      [&](Site& site) { return AskForManifest(site, tag_or_digest, size, &manifest, call); }, call));
  return manifest;
}

// `size` is the size in the index, 0 if it is not known.
RegistryClient::Outcome RegistryClient::AskForManifest(Site& site, const std::string& tag_or_digest, uint64_t size,
                                                       RawManifest* manifest, const CallContext& call) {
  Ask ask;
  ask.path = absl::StrCat("/manifests/", tag_or_digest);
  ask.headers = {absl::StrCat("Accept: ", kManifestAccept)};
  ask.body_limit = kManifestBytesLimit;
  absl::StatusOr<HttpResponse> response = Send(site, ask, call);
  Outcome outcome = Judge(site, response);
  if (!outcome.status.ok()) return outcome;
  const std::string told = response->Header("docker-content-digest");
  const std::string wanted = IsDigest(tag_or_digest) ? tag_or_digest : IsDigest(told) ? told : "";
  manifest->body = std::move(response->body);
  manifest->content_type = response->Header("content-type");
  manifest->digest = wanted.empty() ? DigestOf(manifest->body) : wanted;
  if (size != 0 && manifest->body.size() != size) {
    outcome.status = absl::InternalError(
        absl::StrCat("a manifest of ", manifest->body.size(), " bytes, where the index says ", size));
  } else {
    outcome.status = VerifyDigest(manifest->body, manifest->digest);
  }
  return outcome;
}

absl::StatusOr<std::string> RegistryClient::ResolveDigest(const CallContext& call) {
  Ask ask;
  ask.method = "HEAD";
  ask.path = absl::StrCat("/manifests/", reference_.TagOrDigest());
  ask.headers = {absl::StrCat("Accept: ", kManifestAccept)};
  std::string digest;
  RETURN_IF_ERROR(TryEach(
      absl::StrCat("manifest ", reference_.TagOrDigest()), reference_.digest.empty() ? Need::kResolve : Need::kContent,
      [&](Site& site) {
        const absl::StatusOr<HttpResponse> response = Send(site, ask, call);
        if (response.ok()) digest = response->Header("docker-content-digest");
        return Judge(site, response);
      },
      call));
  if (!IsDigest(digest)) return absl::UnimplementedError("the registry does not report a digest");
  return digest;
}

absl::StatusOr<std::string> RegistryClient::FetchBlob(const Descriptor& descriptor, const CallContext& call) {
  Ask ask;
  ask.path = absl::StrCat("/blobs/", descriptor.digest);
  // The bodies of redirects and errors count too.
  ask.body_limit = std::max(kAnswerLimit, static_cast<size_t>(descriptor.size));
  std::string blob;
  RETURN_IF_ERROR(TryEach(
      absl::StrCat("blob ", descriptor.digest), Need::kContent,
      [&](Site& site) {
        absl::StatusOr<HttpResponse> response = Send(site, ask, call);
        Outcome outcome = Judge(site, response);
        if (!outcome.status.ok()) return outcome;
        blob = std::move(response->body);
        if (blob.size() != descriptor.size) {
          outcome.status =
              absl::InternalError(absl::StrCat("it has ", blob.size(), " bytes, the manifest says ", descriptor.size));
        } else {
          outcome.status = VerifyDigest(blob, descriptor.digest);
        }
        return outcome;
      },
      call));
  return blob;
}

absl::Status RegistryClient::Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) {
  Download download{.digest = layer.digest, .size = layer.size, .sink = sink, .sink_error = {}};
  return TryEach(
      absl::StrCat("layer ", layer.digest), Need::kContent,
      [&](Site& site) { return AskForBlob(site, download, call); }, call);
}

RegistryClient::Outcome RegistryClient::AskForBlob(Site& site, Download& download, const CallContext& call) {
  const uint64_t before = download.received;
  // The connection broke after the last byte, so nothing is missing.
  if (before == download.size && before > 0) return Outcome{};
  Ask ask;
  ask.path = absl::StrCat("/blobs/", download.digest);
  if (before > 0) ask.headers.push_back(absl::StrCat("Range: bytes=", before, "-"));
  ask.begin = [&](const HttpResponse& response) { return download.Begin(response); };
  ask.sink = [&](absl::string_view bytes) { return download.Take(bytes); };
  const absl::StatusOr<HttpResponse> response = Send(site, ask, call);
  if (!download.sink_error.ok()) return Outcome{.status = download.sink_error, .final = true};
  Outcome outcome = Judge(site, response);
  outcome.progressed = download.received - before >= kProgress;
  if (outcome.status.ok() && download.received != download.size) {
    outcome.status =
        absl::UnavailableError(absl::StrCat("it ended after ", download.received, " of ", download.size, " bytes"));
    outcome.passing = true;
  }
  return outcome;
}

// Sends the request, and once more with credentials if the endpoint asks for them.
absl::StatusOr<HttpResponse> RegistryClient::Send(Site& site, const Ask& ask, const CallContext& call) {
  const std::string authorization = site.authorizer.Header();
  bool redirected = false;
  ASSIGN_OR_RETURN(HttpResponse response, FollowRedirects(site, ask, authorization, &redirected, call));
  // Credentials are not for the target of a redirect, so its 401 is final.
  if (response.status != 401 || redirected) return response;
  ASSIGN_OR_RETURN(const std::optional<std::string> answer,
                   site.authorizer.Answer(response, authorization, options_, http_, call));
  if (!answer.has_value()) return response;
  return FollowRedirects(site, ask, *answer, &redirected, call);
}

absl::StatusOr<HttpResponse> RegistryClient::FollowRedirects(Site& site, const Ask& ask,
                                                             const std::string& authorization, bool* redirected,
                                                             const CallContext& call) {
  HttpRequest request;
  request.method = ask.method;
  request.body_limit = ask.body_limit;
  request.begin = [&](const HttpResponse& response) {
    if (response.status != 400) site.speaks_http = true;
    const bool streams = response.status == 200 || response.status == 206;
    return ask.begin && streams ? ask.begin(response) : absl::OkStatus();
  };
  request.sink = ask.sink;
  request.url = site.endpoint.url;
  absl::StrAppend(&request.url.path, "/", reference_.path, ask.path);
  if (site.endpoint.mirror) request.url.query = absl::StrCat("ns=", PercentEncode(reference_.domain));
  for (int hop = 0; hop <= kRedirectsLimit; ++hop) {
    request.headers = ask.headers;
    request.tls = {};
    if (request.url.Origin() == site.endpoint.url.Origin()) {
      if (!authorization.empty()) request.headers.push_back(absl::StrCat("Authorization: ", authorization));
      for (const auto& [name, value] : site.endpoint.headers)
        request.headers.push_back(absl::StrCat(name, ": ", value));
      for (const auto& [name, value] : options_.headers) request.headers.push_back(absl::StrCat(name, ": ", value));
    }
    if (const auto tls = options_.tls.find(request.url.host); tls != options_.tls.end()) request.tls = tls->second;
    if (site.endpoint.tls.has_value() && request.url.host == site.endpoint.url.host) request.tls = *site.endpoint.tls;
    ASSIGN_OR_RETURN(HttpResponse response, http_.Do(request, call),
                     hop == 0 ? "" : absl::StrCat("redirected to ", request.url.Printable()));
    *redirected = hop > 0;
    if (!IsRedirect(response)) return response;
    ASSIGN_OR_RETURN(Url next, ResolveUrl(request.url, response.Header("location")), "redirect");
    if (request.url.scheme == "https" && next.scheme == "http") {
      return absl::InternalError(
          absl::StrCat("redirected from https to ", next.Printable(), ", which is not followed"));
    }
    request.url = std::move(next);
  }
  return absl::InternalError(absl::StrCat("more than ", kRedirectsLimit, " redirects"));
}

RegistryClient::Outcome RegistryClient::Judge(const Site& site, const absl::StatusOr<HttpResponse>& response) const {
  Outcome outcome;
  if (!response.ok()) {
    absl::StatusCode code = response.status().code();
    outcome.passing = code == absl::StatusCode::kUnavailable;
    if (code == absl::StatusCode::kFailedPrecondition) code = absl::StatusCode::kUnavailable;
    if (code == absl::StatusCode::kInvalidArgument) code = absl::StatusCode::kInternal;
    outcome.status = absl::Status(code, site.authorizer.Redact(std::string(response.status().message())));
    return outcome;
  }
  const int status = response->status;
  if (status == 200 || status == 206) return outcome;
  const std::string text =
      site.authorizer.Redact(absl::StrCat(status, ReasonPhrase(status), RegistryError(response->body)));
  if (status == 404) {
    outcome.status = absl::NotFoundError(text);
  } else if (status == 401) {
    outcome.status = absl::UnauthenticatedError(text);
  } else if (status == 403) {
    outcome.status = absl::PermissionDeniedError(text);
  } else if (status == 405) {
    outcome.status = absl::UnimplementedError(text);
  } else {
    outcome.status = absl::UnavailableError(text);
    outcome.passing = status == 408 || status == 429 || status >= 500;
    outcome.retry_after = RetryAfter(*response);
  }
  return outcome;
}

std::vector<size_t> RegistryClient::Order() {
  MutexLock lock(mutex_);
  std::vector<size_t> order = {preferred_};
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (i != preferred_) order.push_back(i);
  }
  return order;
}

absl::Status RegistryClient::TryEach(absl::string_view what, Need needs, const std::function<Outcome(Site&)>& ask,
                                     const CallContext& call) {
  const std::vector<size_t> order = Order();
  std::vector<Outcome> outcomes(sites_.size(), Outcome{.tried = false, .passing = true});
  for (int round = 0; round < kRounds;) {
    bool again = false;
    bool progressed = false;
    milliseconds pause = times_.first_pause * (1 << round);
    for (const size_t i : order) {
      if (!outcomes[i].passing) continue;
      if (needs == Need::kResolve ? !sites_[i]->endpoint.resolves : !sites_[i]->endpoint.serves_blobs) continue;
      if (sites_[i]->endpoint.fallback && sites_[i - 1]->speaks_http) continue;
      outcomes[i] = ask(*sites_[i]);
      const Outcome& outcome = outcomes[i];
      if (outcome.status.ok()) {
        MutexLock lock(mutex_);
        preferred_ = i;
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(call.Check());
      if (outcome.final) return outcome.status;
      again |= outcome.passing;
      progressed |= outcome.progressed;
      pause = std::max(pause, std::min(outcome.retry_after, times_.retry_after_limit));
    }
    round = progressed ? 0 : round + 1;
    if (!again || round == kRounds) break;
    RETURN_IF_ERROR(Sleep(pause, call));
  }
  return Verdict(what, outcomes);
}

absl::Status RegistryClient::Verdict(absl::string_view what, const std::vector<Outcome>& outcomes) const {
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  std::vector<std::string> answers;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].tried) continue;
    if (!absl::IsUnavailable(outcomes[i].status)) code = outcomes[i].status.code();
    answers.push_back(absl::StrCat(sites_[i]->endpoint.url.Printable(), ": ", outcomes[i].status.message()));
  }
  if (answers.empty()) answers.push_back("no endpoint is configured for this");
  return absl::Status(code, absl::StrCat(code == absl::StatusCode::kUnavailable ? "RegistryUnavailable: " : "", "pull ",
                                         reference_.String(), ": ", what, ": ", absl::StrJoin(answers, "; ")));
}

}  // namespace crisp
