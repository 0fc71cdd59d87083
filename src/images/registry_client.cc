#include "images/registry_client.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/endpoints.h"
#include "images/registry_answer.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

constexpr int kTries = 3;  // of each endpoint
// A download that received at least this much before it broke off has all its tries again: the registry is alive.
constexpr uint64_t kProgress = 1 << 20;

absl::Status SleepUntil(MonoTime until, const CallContext& call) {
  while (MonoClock::now() < until) {
    RETURN_IF_ERROR(call.Check());
    std::this_thread::sleep_until(std::min(until, call.NextLook()));
  }
  return call.Check();
}

// Whether GET may give what HEAD did not. 404 is an answer, and 401 and 429 would be the same.
bool GetMayHelp(const absl::StatusOr<HttpResponse>& response) {
  if (response.ok()) {
    const int status = response->status;
    return status != 404 && status != 401 && status != 408 && status != 429;
  }
  const absl::Status& error = response.status();
  return absl::IsUnavailable(error) && !IsStall(error) && !IsNotConnected(error) && !IsNotTls(error);
}

}  // namespace

// The capability of hosts.toml that an endpoint needs for a request.
enum class RegistryClient::Need { kResolve, kContent };

// The result of a request to one endpoint.
struct RegistryClient::Outcome {
  absl::Status status = {};
  bool passing = false;     // a retry may help
  bool stalled = false;     // the endpoint was silent for too long
  bool progressed = false;  // the download broke off after kProgress or more
  bool final = false;       // not a fault of the endpoint: another one cannot help
  milliseconds retry_after{0};
};

// What one endpoint has been asked for, and what came of it.
struct RegistryClient::Attempts {
  absl::Status last;  // of the last one; OK if there was none
  bool passing = true;
  int failures = 0;
  MonoTime next = {};  // not before

  bool MayTry() const { return passing && failures < kTries; }

  void Failed(const Outcome& outcome, const RegistryTimes& times) {
    last = outcome.status;
    passing = outcome.passing;
    const milliseconds pause = times.first_pause * (1 << failures);
    next = MonoClock::now() + std::max(pause, std::min(outcome.retry_after, times.retry_after_limit));
    ++failures;
  }
};

RegistryClient::RegistryClient(Reference reference, RegistryTimes times, ImageCounters* counters)
    : reference_(std::move(reference)), times_(times), counters_(counters) {}

RegistryClient::~RegistryClient() = default;

absl::StatusOr<std::unique_ptr<RegistryClient>> RegistryClient::Create(const RegistryOptions& options,
                                                                       Reference reference, const RegistryAuth& auth,
                                                                       ImageCounters* counters, RegistryTimes times,
                                                                       std::vector<std::string>* warnings) {
  auto client = std::unique_ptr<RegistryClient>(new RegistryClient(std::move(reference), times, counters));
  ASSIGN_OR_RETURN(const std::vector<Endpoint> endpoints, EndpointsFor(options, client->reference_.domain, warnings));
  for (const Endpoint& endpoint : endpoints) {
    ASSIGN_OR_RETURN(
        std::unique_ptr<RegistrySite> site,
        RegistrySite::Create(endpoint, options, client->reference_, auth, times.http, &client->tls_, counters));
    client->sites_.push_back(std::move(site));
  }
  return client;
}

// Whether an endpoint that may give content, but not resolve tags, comes before all that resolve.
bool RegistryClient::ResolvesElsewhere() const {
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (May(i, Need::kResolve)) return false;
    if (May(i, Need::kContent)) return true;
  }
  return false;
}

absl::StatusOr<RawManifest> RegistryClient::FetchManifest(const CallContext& call) {
  if (!reference_.digest.empty() || !ResolvesElsewhere()) return FetchManifest(reference_.TagOrDigest(), 0, call);
  ASSIGN_OR_RETURN(Resolved resolved, Resolve(call));
  if (resolved.manifest.has_value()) return *std::move(resolved.manifest);
  return FetchManifest(resolved.digest, 0, call);
}

absl::StatusOr<RawManifest> RegistryClient::FetchManifest(const Descriptor& descriptor, const CallContext& call) {
  return FetchManifest(descriptor.digest, descriptor.size, call);
}

absl::StatusOr<RawManifest> RegistryClient::FetchManifest(const std::string& tag_or_digest, uint64_t size,
                                                          const CallContext& call) {
  RawManifest manifest;
  RETURN_IF_ERROR(TryEach(
      absl::StrCat("manifest ", tag_or_digest), IsDigest(tag_or_digest) ? Need::kContent : Need::kResolve,
      [&](RegistrySite& site, milliseconds answer) {
        return AskForManifest(site, tag_or_digest, size, answer, &manifest, call);
      },
      call));
  return manifest;
}

// `size` is the size in the index, 0 if it is not known.
RegistryClient::Outcome RegistryClient::AskForManifest(RegistrySite& site, const std::string& tag_or_digest,
                                                       uint64_t size, milliseconds answer, RawManifest* manifest,
                                                       const CallContext& call) {
  SiteRequest request;
  request.path = absl::StrCat("/manifests/", tag_or_digest);
  request.by_digest = IsDigest(tag_or_digest);
  request.headers = {absl::StrCat("Accept: ", kManifestAccept)};
  request.body_limit = kManifestBytesLimit;
  request.answer = answer;
  absl::StatusOr<HttpResponse> response = site.Send(request, call);
  Outcome outcome = Judge(site, response);
  if (!outcome.status.ok()) return outcome;
  const std::string told = response->Header("docker-content-digest");
  const std::string wanted = request.by_digest ? tag_or_digest : IsDigest(told) ? told : "";
  manifest->body = std::move(response->body);
  manifest->content_type = response->Header("content-type");
  manifest->digest = wanted.empty() ? DigestOf(manifest->body) : wanted;
  if (size != 0 && manifest->body.size() != size) {
    outcome.status = absl::InternalError(
        absl::StrCat("a manifest of ", manifest->body.size(), " bytes, where the index says ", size));
  } else {
    outcome.status = VerifyDigest(manifest->body, manifest->digest);
    if (outcome.status.ok() && !request.by_digest) outcome.status = CheckIsManifest(manifest->body);
  }
  if (outcome.status.ok()) Tell(manifest->digest, site);
  return outcome;
}

absl::StatusOr<Resolved> RegistryClient::Resolve(const CallContext& call) {
  Resolved resolved;
  RETURN_IF_ERROR(TryEach(
      absl::StrCat("manifest ", reference_.TagOrDigest()), reference_.digest.empty() ? Need::kResolve : Need::kContent,
      [&](RegistrySite& site, milliseconds answer) { return AskForDigest(site, answer, &resolved, call); }, call));
  return resolved;
}

RegistryClient::Outcome RegistryClient::AskForDigest(RegistrySite& site, milliseconds answer, Resolved* resolved,
                                                     const CallContext& call) {
  SiteRequest request;
  request.method = "HEAD";
  request.path = absl::StrCat("/manifests/", reference_.TagOrDigest());
  request.by_digest = !reference_.digest.empty();
  request.headers = {absl::StrCat("Accept: ", kManifestAccept)};
  request.answer = answer;
  const absl::StatusOr<HttpResponse> response = site.Send(request, call);
  if (response.ok() && response->status == 200) {
    resolved->digest = response->Header("docker-content-digest");
    if (IsDigest(resolved->digest)) {
      Tell("", site);
      return Outcome{};
    }
  }
  if (!GetMayHelp(response)) return Judge(site, response);
  RawManifest manifest;
  Outcome outcome = AskForManifest(site, reference_.TagOrDigest(), 0, answer, &manifest, call);
  if (!outcome.status.ok()) return outcome;
  resolved->digest = manifest.digest;
  resolved->manifest = std::move(manifest);
  return outcome;
}

absl::StatusOr<std::string> RegistryClient::FetchBlob(const Descriptor& descriptor, const CallContext& call) {
  SiteRequest request;
  request.path = absl::StrCat("/blobs/", descriptor.digest);
  request.by_digest = true;
  // The bodies of redirects and errors count too.
  request.body_limit = std::max(kAnswerLimit, static_cast<size_t>(descriptor.size));
  std::string blob;
  RETURN_IF_ERROR(TryEach(
      absl::StrCat("blob ", descriptor.digest), Need::kContent,
      [&](RegistrySite& site, milliseconds answer) {
        request.answer = answer;
        absl::StatusOr<HttpResponse> response = site.Send(request, call);
        Outcome outcome = Judge(site, response);
        if (!outcome.status.ok()) return outcome;
        blob = std::move(response->body);
        if (blob.size() != descriptor.size) {
          outcome.status =
              absl::InternalError(absl::StrCat("it has ", blob.size(), " bytes, the manifest says ", descriptor.size));
        } else {
          outcome.status = VerifyDigest(blob, descriptor.digest);
        }
        if (outcome.status.ok()) Tell(descriptor.digest, site);
        return outcome;
      },
      call));
  return blob;
}

absl::Status RegistryClient::Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) {
  BlobDownload download(layer.size, sink);
  return TryEach(
      absl::StrCat("layer ", layer.digest), Need::kContent,
      [&](RegistrySite& site, milliseconds answer) { return AskForBlob(site, layer.digest, answer, &download, call); },
      call);
}

RegistryClient::Outcome RegistryClient::AskForBlob(RegistrySite& site, const std::string& digest, milliseconds answer,
                                                   BlobDownload* download, const CallContext& call) {
  const uint64_t before = download->received();
  // The connection broke after the last byte, so nothing is missing.
  if (download->complete() && before > 0) return Outcome{};
  bool refused = false;  // the rest, although there is one
  SiteRequest request;
  request.path = absl::StrCat("/blobs/", digest);
  request.by_digest = true;
  request.answer = answer;
  if (!download->Range().empty()) request.headers.push_back(download->Range());
  request.begin = [&](const HttpResponse& response) {
    const absl::Status begun = download->Begin(response);
    refused = !begun.ok();
    if (begun.ok()) Tell(digest, site);
    if (begun.ok() && response.status == 206) counters_->resumed_downloads.Add();
    return begun;
  };
  request.sink = [&](absl::string_view bytes) {
    counters_->received_bytes.Add(bytes.size());
    return download->Take(bytes);
  };
  const absl::StatusOr<HttpResponse> response = site.Send(request, call);
  if (!download->sink_error().ok()) return Outcome{.status = download->sink_error(), .final = true};
  refused |= response.ok() && response->status == 416;
  if (refused && !download->asks_for_whole()) {
    download->AskForWhole();
    return AskForBlob(site, digest, answer, download, call);
  }
  Outcome outcome = Judge(site, response);
  outcome.progressed = download->received() - before >= kProgress;
  outcome.passing |= outcome.stalled && download->received() > before;
  if (outcome.status.ok() && !download->complete()) {
    outcome.status = absl::UnavailableError(absl::StrCat("it ended after ", download->received(), " bytes"));
    outcome.passing = true;
  }
  return outcome;
}

RegistryClient::Outcome RegistryClient::Judge(const RegistrySite& site,
                                              const absl::StatusOr<HttpResponse>& response) const {
  Outcome outcome;
  if (!response.ok()) {
    const absl::Status& error = response.status();
    absl::StatusCode code = error.code();
    outcome.stalled = IsStall(error);
    // A peer that was silent for so long, or does not speak TLS, will be the same the next time.
    outcome.passing = absl::IsUnavailable(error) && !outcome.stalled && !site.speaks_no_tls();
    if (code == absl::StatusCode::kFailedPrecondition) code = absl::StatusCode::kUnavailable;
    if (code == absl::StatusCode::kInvalidArgument) code = absl::StatusCode::kInternal;
    outcome.status = absl::Status(code, site.Redact(std::string(error.message())));
    return outcome;
  }
  const int status = response->status;
  if (status == 200 || status == 206) return outcome;
  const std::string text = site.Redact(DescribeAnswer(*response));
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

void RegistryClient::Tell(const std::string& digest, const RegistrySite& site) const {
  if (answered_) answered_(digest, std::string(absl::StripSuffix(site.endpoint().url.Printable(), "/v2")));
}

bool RegistryClient::May(size_t site, Need needs) const {
  const Endpoint& endpoint = sites_[site]->endpoint();
  if (needs == Need::kResolve ? !endpoint.resolves : !endpoint.serves_blobs) return false;
  if (sites_[site]->speaks_no_tls()) return false;
  return !endpoint.fallback || sites_[site - 1]->speaks_no_tls();
}

absl::Status RegistryClient::TryEach(absl::string_view what, Need needs, const AskSite& ask, const CallContext& call) {
  std::vector<Attempts> attempts(sites_.size());
  const auto may_try = [&](size_t site) { return attempts[site].MayTry() && May(site, needs); };
  for (;;) {
    MonoTime soonest = kNoDeadline;
    for (size_t i = 0; i < sites_.size(); ++i) {
      if (!may_try(i)) continue;
      if (MonoClock::now() >= attempts[i].next) {
        bool alternative = false;  // that has not failed yet
        for (size_t j = i + 1; j < sites_.size(); ++j) alternative |= may_try(j) && attempts[j].failures == 0;
        if (attempts[i].failures > 0) counters_->retries.Add();
        Outcome outcome = ask(*sites_[i], alternative ? times_.answer : milliseconds(0));
        if (outcome.status.ok()) return outcome.status;
        RETURN_IF_ERROR(call.Check());
        if (outcome.final) return outcome.status;
        if (outcome.progressed) {
          for (Attempts& each : attempts) each.failures = 0;
        }
        outcome.passing |= alternative && outcome.stalled;  // it was given less time than it may have
        attempts[i].Failed(outcome, times_);
      }
      if (may_try(i)) soonest = std::min(soonest, attempts[i].next);
    }
    if (soonest == kNoDeadline) return Verdict(what, attempts);
    RETURN_IF_ERROR(SleepUntil(soonest, call));
  }
}

absl::Status RegistryClient::Verdict(absl::string_view what, const std::vector<Attempts>& attempts) const {
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  std::vector<std::string> answers;
  for (size_t i = 0; i < attempts.size(); ++i) {
    if (attempts[i].last.ok()) continue;
    // What the fallback answered is what matters.
    if (sites_[i]->speaks_no_tls() && !attempts[i + 1].last.ok()) continue;
    if (!absl::IsUnavailable(attempts[i].last)) code = attempts[i].last.code();
    answers.push_back(absl::StrCat(sites_[i]->endpoint().url.Printable(), ": ", attempts[i].last.message()));
  }
  if (answers.empty()) answers.push_back("no endpoint is configured for this");
  return absl::Status(code, absl::StrCat(code == absl::StatusCode::kUnavailable ? "RegistryUnavailable: " : "", "pull ",
                                         reference_.String(), ": ", what, ": ", absl::StrJoin(answers, "; ")));
}

}  // namespace crisp
