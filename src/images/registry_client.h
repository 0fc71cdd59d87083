// RegistryClient: one pull's view of one repository, over all the endpoints that may serve it (OCI distribution
// specification 1.1, "Pull").
//
// Each request goes to the endpoint that answered the last one, then to the others in their order. Passing troubles
// (429, 5xx, resets, silence) are tried again in a few rounds with growing pauses; a blob that broke off goes on where
// it was, at whichever endpoint has it. What comes back is what was asked for: manifests and small blobs are checked
// against their digests here; streamed blobs against their size, and their digest by who takes them in.
//
// Threading: all methods from any thread, several at once. The options must outlive the object.
// Errors: as the last endpoint that was healthy said: NotFound, PermissionDenied, Unauthenticated, Internal (for what
// is wrong); if none was, Unavailable "RegistryUnavailable: …". The text names the reference, and every endpoint tried
// with its answer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call.h"
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
  // InvalidArgument for endpoints or credentials in the configuration that make no sense.
  static absl::StatusOr<std::unique_ptr<RegistryClient>> Create(const RegistryOptions& options, Reference reference,
                                                                const RegistryAuth& auth, RegistryTimes times = {});
  ~RegistryClient() override;

  // The manifest that the reference names.
  absl::StatusOr<RawManifest> FetchManifest(const Call& call);
  // One that an index named.
  absl::StatusOr<RawManifest> FetchManifest(const Descriptor& descriptor, const Call& call) override;
  // The digest that the reference has at the registry now. By HEAD, which does not count against rate limits.
  // Unimplemented if the registry does not say.
  absl::StatusOr<std::string> ResolveDigest(const Call& call);
  // A small blob, whole: the image config.
  absl::StatusOr<std::string> FetchBlob(const Descriptor& descriptor, const Call& call) override;
  // A blob of any size: its bytes, each once and in order. An error of `sink` ends it and is returned as it is.
  absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const Call& call) override;

 private:
  struct Site;
  struct Ask;
  struct Outcome;
  enum class Need;
  struct Download;

  RegistryClient(const RegistryOptions& options, Reference reference, RegistryTimes times);
  absl::StatusOr<RawManifest> FetchManifest(const std::string& tag_or_digest, uint64_t size, const Call& call);
  Outcome AskForManifest(Site& site, const std::string& tag_or_digest, uint64_t size, RawManifest* manifest,
                         const Call& call);
  Outcome AskForBlob(Site& site, Download& download, const Call& call);
  absl::StatusOr<HttpResponse> Send(Site& site, const Ask& ask, const Call& call);
  absl::StatusOr<HttpResponse> FollowRedirects(Site& site, const Ask& ask, const std::string& authorization,
                                               bool* redirected, const Call& call);
  Outcome Judge(const Site& site, const absl::StatusOr<HttpResponse>& response) const;
  absl::Status TryEach(absl::string_view what, Need needs, const std::function<Outcome(Site&)>& ask, const Call& call);
  std::vector<size_t> Order();
  absl::Status Verdict(absl::string_view what, const std::vector<Outcome>& outcomes) const;

  const RegistryOptions& options_;
  const Reference reference_;
  const RegistryTimes times_;
  HttpClient http_;
  std::vector<std::unique_ptr<Site>> sites_;
  Mutex mutex_;
  size_t preferred_ ABSL_GUARDED_BY(mutex_) = 0;  // the site that last served something
};

}  // namespace crisp
