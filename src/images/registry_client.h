// RegistryClient: fetches the parts of one image from the endpoints of its repository (OCI distribution specification
// 1.1, "Pull").
//
// Each request goes first to the endpoint that served the last one, then to the others in order. Temporary failures
// (429, 5xx, resets, silence) are retried in a few rounds with growing pauses. An interrupted blob is resumed at any
// endpoint that has it. Manifests and small blobs are verified against their digests here. Streamed blobs are verified
// against their size; the caller verifies their digest.
//
// Threading: thread-safe. The options must outlive the object.
// Errors: that of the last endpoint that gave an answer: NotFound, PermissionDenied, Unauthenticated, or Internal for a
// wrong answer. If none did, Unavailable "RegistryUnavailable: …". The text names the reference, and every endpoint
// that was tried with its answer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "images/http.h"
#include "images/image_source.h"
#include "images/reference.h"
#include "images/registry_options.h"

namespace crisp {

struct RegistryTimes {
  HttpTimes http;
  std::chrono::milliseconds first_pause{200};          // doubled with each round
  std::chrono::milliseconds retry_after_limit{10000};  // a registry cannot make us wait for longer than this
};

class RegistryClient : public ImageSource {
 public:
  // InvalidArgument for invalid endpoints or credentials in the configuration.
  static absl::StatusOr<std::unique_ptr<RegistryClient>> Create(const RegistryOptions& options, Reference reference,
                                                                const RegistryAuth& auth, RegistryTimes times = {});
  ~RegistryClient() override;

  // The manifest that the reference names.
  absl::StatusOr<RawManifest> FetchManifest(const CallContext& call);
  // A manifest that an index names.
  absl::StatusOr<RawManifest> FetchManifest(const Descriptor& descriptor, const CallContext& call) override;
  // The digest to which the reference resolves at the registry now. Uses HEAD, which rate limits do not count.
  // Unimplemented if the registry does not report it.
  absl::StatusOr<std::string> ResolveDigest(const CallContext& call);
  // A small blob in memory: the image config.
  absl::StatusOr<std::string> FetchBlob(const Descriptor& descriptor, const CallContext& call) override;
  // Streams a blob of any size to `sink`, each byte once and in order. An error of `sink` ends the transfer and is
  // returned unchanged.
  absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) override;

 private:
  struct Site;
  struct Ask;
  struct Outcome;
  enum class Need;
  struct Download;

  RegistryClient(const RegistryOptions& options, Reference reference, RegistryTimes times);
  absl::StatusOr<RawManifest> FetchManifest(const std::string& tag_or_digest, uint64_t size, const CallContext& call);
  Outcome AskForManifest(Site& site, const std::string& tag_or_digest, uint64_t size, RawManifest* manifest,
                         const CallContext& call);
  Outcome AskForBlob(Site& site, Download& download, const CallContext& call);
  absl::StatusOr<HttpResponse> Send(Site& site, const Ask& ask, const CallContext& call);
  absl::StatusOr<HttpResponse> FollowRedirects(Site& site, const Ask& ask, const std::string& authorization,
                                               bool* redirected, const CallContext& call);
  Outcome Judge(const Site& site, const absl::StatusOr<HttpResponse>& response) const;
  absl::Status TryEach(absl::string_view what, Need needs, const std::function<Outcome(Site&)>& ask,
                       const CallContext& call);
  std::vector<size_t> Order();
  absl::Status Verdict(absl::string_view what, const std::vector<Outcome>& outcomes) const;

  const RegistryOptions& options_;
  const Reference reference_;
  const RegistryTimes times_;
  HttpClient http_;
  std::vector<std::unique_ptr<Site>> sites_;
  Mutex mutex_;
  size_t preferred_ ABSL_GUARDED_BY(mutex_) = 0;  // the site that served the last request
};

}  // namespace crisp
