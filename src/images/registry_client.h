// RegistryClient: fetches the parts of one image from the endpoints of its repository (OCI distribution specification
// 1.1, "Pull").
//
// Each request goes to the endpoints in their order, whichever served the last one. Temporary failures (429, 5xx,
// resets) are retried a few times with growing pauses; the next endpoint is asked first. An endpoint that is silent for
// RegistryOptions::progress_timeout is left; where another could answer, it gets less time at first. An interrupted
// blob is resumed at any endpoint that has it, and begun again where ranges fail. Manifests and small blobs are
// verified against their digests here. Streamed blobs are verified against their size; the caller verifies their
// digest.
//
// Threading: thread-safe. The options and the counters must outlive the object.
// Errors: that of the last endpoint that gave an answer: NotFound, PermissionDenied, Unauthenticated, or Internal for a
// wrong answer. If none did, Unavailable "RegistryUnavailable: …". The text names the reference, and every endpoint
// that was tried with its answer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "images/blob_download.h"
#include "images/http.h"
#include "images/image_counters.h"
#include "images/image_source.h"
#include "images/reference.h"
#include "images/registry_options.h"
#include "images/registry_site.h"
#include "images/tls_store.h"

namespace crisp {

struct RegistryTimes {
  HttpTimes http;
  // How long an endpoint's answer may take to begin while another endpoint has not been asked.
  std::chrono::milliseconds answer{30000};
  std::chrono::milliseconds first_pause{200};          // doubled with each failure of an endpoint
  std::chrono::milliseconds retry_after_limit{10000};  // a registry cannot make us wait for longer than this
};

// What a reference stands for at the registry now.
struct Resolved {
  std::string digest;
  std::optional<RawManifest> manifest;  // if the registry gave it rather than the digest alone
};

class RegistryClient : public ImageSource {
 public:
  // InvalidArgument for invalid endpoints or credentials in the configuration. Keys of a hosts.toml that do nothing are
  // appended to `warnings`, unless it is null.
  static absl::StatusOr<std::unique_ptr<RegistryClient>> Create(const RegistryOptions& options, Reference reference,
                                                                const RegistryAuth& auth, ImageCounters* counters,
                                                                RegistryTimes times = {},
                                                                std::vector<std::string>* warnings = nullptr);
  ~RegistryClient() override;

  // `answered` is called for each answer that can be used, when it begins: of which digest (empty: of a tag), and by
  // which endpoint (its URL, without "/v2"). On any thread. To be set before the first request.
  using Answered = std::function<void(const std::string& digest, const std::string& endpoint)>;
  void TellAnswers(Answered answered) { answered_ = std::move(answered); }

  // The manifest that the reference names. A tag whose endpoints begin with one that may not resolve it is resolved
  // first, and the manifest is then fetched by its digest.
  absl::StatusOr<RawManifest> FetchManifest(const CallContext& call);
  // A manifest that an index names.
  absl::StatusOr<RawManifest> FetchManifest(const Descriptor& descriptor, const CallContext& call) override;
  // Resolves the reference by HEAD, which rate limits do not count, or by GET where HEAD is not answered as it should.
  absl::StatusOr<Resolved> Resolve(const CallContext& call);
  // A small blob in memory: the image config.
  absl::StatusOr<std::string> FetchBlob(const Descriptor& descriptor, const CallContext& call) override;
  // Streams a blob of any size to `sink`, each byte once and in order. An error of `sink` ends the transfer and is
  // returned unchanged.
  absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) override;

 private:
  struct Outcome;
  struct Attempts;
  enum class Need;
  // Asks one endpoint, which is to begin its answer within `answer` (0: HttpTimes::stall).
  using AskSite = std::function<Outcome(RegistrySite&, std::chrono::milliseconds answer)>;

  RegistryClient(Reference reference, RegistryTimes times, ImageCounters* counters);
  absl::StatusOr<RawManifest> FetchManifest(const std::string& tag_or_digest, uint64_t size, const CallContext& call);
  Outcome AskForManifest(RegistrySite& site, const std::string& tag_or_digest, uint64_t size,
                         std::chrono::milliseconds answer, RawManifest* manifest, const CallContext& call);
  Outcome AskForDigest(RegistrySite& site, std::chrono::milliseconds answer, Resolved* resolved,
                       const CallContext& call);
  Outcome AskForBlob(RegistrySite& site, const std::string& digest, std::chrono::milliseconds answer,
                     BlobDownload* download, const CallContext& call);
  Outcome Judge(const RegistrySite& site, const absl::StatusOr<HttpResponse>& response) const;
  absl::Status TryEach(absl::string_view what, Need needs, const AskSite& ask, const CallContext& call);
  void Tell(const std::string& digest, const RegistrySite& site) const;
  bool May(size_t site, Need needs) const;
  bool ResolvesElsewhere() const;
  absl::Status Verdict(absl::string_view what, const std::vector<Attempts>& attempts) const;

  const Reference reference_;
  const RegistryTimes times_;
  ImageCounters* const counters_;
  Answered answered_;
  TlsStore tls_;
  std::vector<std::unique_ptr<RegistrySite>> sites_;
};

}  // namespace crisp
