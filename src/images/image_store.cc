#include "images/image_store.h"

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/step_log.h"
#include "images/digest.h"
#include "images/hosts_file.h"
#include "images/image_parts.h"
#include "images/oci_layout.h"
#include "images/registry_client.h"
#include "images/tls_store.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr absl::string_view kIdPrefix = "sha256:";
constexpr absl::string_view kUnavailable = "RegistryUnavailable: ";

// Pulls share a flight only if they have the same credentials. Otherwise a caller could get an image for which only
// another caller is authorised.
std::string FlightKey(const Reference& reference, const RegistryAuth& auth) {
  std::string secrets;
  for (const std::string* part :
       {&auth.username, &auth.password, &auth.auth, &auth.identity_token, &auth.registry_token, &auth.server_address}) {
    absl::StrAppend(&secrets, part->size(), ":", *part);
  }
  return absl::StrCat(reference.String(), " ", DigestOf(secrets));
}

// The kubelet recognises the error by the beginning of its text, so the prefix is moved in front of all annotations.
absl::Status WithUnavailableInFront(const absl::Status& status) {
  const absl::string_view text = status.message();
  const size_t at = text.find(kUnavailable);
  if (at == absl::string_view::npos || at == 0) return status;
  return absl::UnavailableError(absl::StrCat(kUnavailable, text.substr(0, at), text.substr(at + kUnavailable.size())));
}

// "1.36" and "latest" are tags, as many tools write them, and would be taken for the names of repositories.
absl::Status CheckWholeName(absl::string_view name) {
  if (name.empty()) {
    return absl::InvalidArgumentError("an image has no name: set the annotation io.containerd.image.name");
  }
  if (name.find_first_of("/:@") != absl::string_view::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the name \"", absl::CHexEscape(name.substr(0, 100)),
                                                 "\" is only a tag: set the annotation io.containerd.image.name to the "
                                                 "whole name, such as docker.io/library/busybox:1.36"));
}

absl::Status NormalizePinned(ImagesOptions* options) {
  if (options->pinned_image.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(options->pinned_image, NormalizeReference(options->pinned_image), "pinned image");
  return absl::OkStatus();
}

bool IsPullGivenUp(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsDeadlineExceeded(status);
}

// How a pull has ended, for ImageCounters::pulls.
const char* ResultName(const absl::Status& status) {
  if (const int error = ErrnoOf(status); error == ENOSPC || error == EDQUOT) return "no_space";
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return "ok";
    case absl::StatusCode::kNotFound:
      return "not_found";
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return "denied";
    case absl::StatusCode::kUnavailable:
      return "unavailable";
    case absl::StatusCode::kDataLoss:
      return "damaged";
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return "cancelled";
    default:
      return "error";
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Images>> Images::Open(Layout layout, Database* database, ImagesOptions options) {
  RETURN_IF_ERROR(NormalizePinned(&options));
  auto counters = std::make_unique<ImageCounters>();
  ASSIGN_OR_RETURN(std::unique_ptr<LayerStore> layers,
                   LayerStore::Open(std::move(layout), database, counters.get(), options.keep_unused_layers),
                   "open layers");
  const RegistryOptions registry = options.registry;
  auto store = std::make_unique<ImageStore>(database, std::move(options), std::move(counters), std::move(layers));
  RETURN_IF_ERROR(store->Load(), "load images");
  store->NameFaultsOfRegistries(registry);
  return store;
}

ImageStore::ImageStore(Database* database, ImagesOptions options, std::unique_ptr<ImageCounters> counters,
                       std::unique_ptr<LayerStore> layers)
    : database_(database),
      pin_imported_(options.pin_imported),
      registry_(std::make_shared<const RegistryOptions>(std::move(options.registry))),
      counters_(std::move(counters)),
      layers_(std::move(layers)),
      pinned_image_(std::move(options.pinned_image)),
      snapshot_(std::make_shared<const Snapshot>()) {}

absl::Status ImageStore::Load() {
  MutexLock lock(change_);
  return Publish();
}

absl::StatusOr<Commit> ImageStore::Prepare(ImagesOptions options) {
  RETURN_IF_ERROR(NormalizePinned(&options));
  auto registry = std::make_shared<const RegistryOptions>(std::move(options.registry));
  NameFaultsOfRegistries(*registry);
  return Commit([this, registry, pinned = std::move(options.pinned_image)] {
    registry_.Set(registry);
    PinImage(pinned);
  });
}

void ImageStore::NameFaultsOfRegistries(const RegistryOptions& registry) {
  std::vector<std::string> warnings;
  for (const std::string& fault : FaultsOfHostsFiles(registry.config_path, &warnings)) {
    LogError("the configuration of a registry cannot be used; pulls from it will fail", {{"error", fault}});
  }
  for (const std::string& warning : warnings) hosts_warnings_.Warn(warning);
  for (const auto& [host, tls] : registry.tls) {
    const absl::Status usable = CheckTlsFiles(tls);
    if (usable.ok()) continue;
    LogError("the certificates of a registry cannot be used; pulls from it will fail",
             {{"registry", host}, {"error", usable.message()}});
  }
}

absl::StatusOr<std::string> ImageStore::Pull(const std::string& reference, const RegistryAuth& auth,
                                             const CallContext& call) {
  ASSIGN_OR_RETURN(const Reference parsed, ParseReference(reference));
  const auto work = [this, parsed, auth, trace = call.trace()](const SingleFlight<std::string>::Abandoned& abandoned) {
    return PullNow(parsed, auth, CallContext(kNoDeadline, abandoned).TracedIn(trace, nullptr));
  };
  for (;;) {
    absl::StatusOr<std::string> id = pulls_.Do(FlightKey(parsed, auth), call, work, "", &counters_->joined_pulls);
    // This call joined a pull whose last caller had just left, and which was therefore cancelled. Start a new one.
    if (IsPullGivenUp(id.status()) && call.Check().ok()) continue;
    if (IsPullGivenUp(id.status())) return Annotate(id.status(), absl::StrCat("pull ", parsed.String()));
    return id.ok() ? std::move(id) : WithUnavailableInFront(id.status());
  }
}

absl::StatusOr<std::string> ImageStore::PullNow(const Reference& reference, const RegistryAuth& auth,
                                                const CallContext& call) {
  const MonoTime start = MonoClock::now();
  StepLog log("PullImage", {{"image", reference.String()}}, start, call.trace());
  absl::StatusOr<std::string> id = PullSteps(reference, auth, call.LoggedIn(&log), log);
  log.Finish(id.status());
  counters_->pulls.Of(ResultName(id.status())).Add();
  if (id.ok()) counters_->pull_times.Add(MonoClock::now() - start);
  return id;
}

absl::StatusOr<std::string> ImageStore::PullSteps(const Reference& reference, const RegistryAuth& auth,
                                                  const CallContext& call, StepLog& log) {
  std::vector<std::string> warnings;
  const std::shared_ptr<const RegistryOptions> registry = registry_.Get();  // outlives the client
  const RegistryTimes times{.http = {.stall = registry->progress_timeout}};
  const absl::StatusOr<std::unique_ptr<RegistryClient>> created =
      RegistryClient::Create(*registry, reference, auth, counters_.get(), times, &warnings);
  for (const std::string& warning : warnings) hosts_warnings_.Warn(warning);
  if (!created.ok()) return Annotate(created.status(), absl::StrCat("pull ", reference.String()));
  RegistryClient& client = **created;
  std::optional<RawManifest> top;
  if (const std::shared_ptr<const Image> known = Find(reference.String()); known != nullptr) {
    // Ask the registry even if the image exists: it decides whether these credentials give access to it.
    ASSIGN_OR_RETURN(Resolved resolved, client.Resolve(call));
    log.Done("resolve");
    if (Find(absl::StrCat(reference.Name(), "@", resolved.digest)) == known) return known->id;
    top = std::move(resolved.manifest);
  }
  if (!top.has_value()) {
    ASSIGN_OR_RETURN(top, client.FetchManifest(call));
  }
  log.Done("manifest");
  const std::string tag = reference.digest.empty() ? reference.String() : "";
  absl::StatusOr<std::string> id =
      TakeIn(client, *std::move(top), reference.Name(), tag, registry->max_concurrent_downloads, call, log);
  if (!id.ok() && !absl::StrContains(id.status().message(), reference.String())) {
    return Annotate(id.status(), absl::StrCat("pull ", reference.String()));
  }
  return id;
}

absl::StatusOr<std::string> ImageStore::TakeIn(ImageSource& source, RawManifest top, const std::string& name,
                                               const std::string& tag, int parallel, const CallContext& call,
                                               StepLog& log) {
  log.Add("digest", top.digest);
  const std::string digest = absl::StrCat(name, "@", top.digest);
  ASSIGN_OR_RETURN(const ImageParts image, DescribeImage(source, std::move(top), call, log));
  absl::Status recorded;
  {
    ASSIGN_OR_RETURN(const LayerLease lease, layers_->Unpack(image.layers, source, parallel, call, &log));
    const MonoTime unpacked = MonoClock::now();
    recorded = call.Check();
    if (recorded.ok()) recorded = Record(image, lease.chain_ids(), tag, digest);
    if (recorded.ok()) log.Done("record", unpacked);
    if (recorded.ok()) return image.id;
  }
  // The lease has ended, so nothing refers to these layers.
  return Annotate(Join(recorded, layers_->CollectGarbage()), absl::StrCat("record image ", image.id));
}

absl::Status ImageStore::Record(const ImageParts& image, const std::vector<std::string>& chain_ids,
                                const std::string& tag, const std::string& digest) {
  MutexLock lock(change_);
  RETURN_IF_ERROR(SaveImage(*database_, image, chain_ids, tag, digest));
  return Publish();
}

absl::Status ImageStore::ImportLayouts(const std::string& directory, const CallContext& call) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(directory), "import images");
  absl::Status result;
  for (const std::string& name : names) {
    RETURN_IF_ERROR(call.Check(), "import images");
    result = Join(result, Annotate(ImportLayout(absl::StrCat(directory, "/", name), call), "import image"));
  }
  return result;
}

absl::Status ImageStore::ImportLayout(const std::string& directory, const CallContext& call) {
  ASSIGN_OR_RETURN(const std::unique_ptr<OciLayout> layout, OciLayout::Open(directory));
  for (const OciLayout::Entry& entry : layout->entries()) {
    RETURN_IF_ERROR(CheckWholeName(entry.name), directory);
    ASSIGN_OR_RETURN(const Reference reference, ParseReference(entry.name), directory);
    const std::string name = reference.String();
    if (pin_imported_) RETURN_IF_ERROR(Pin(name), name);
    if (Find(name) != nullptr) continue;
    StepLog log("ImportImage", {{"image", name}});
    ASSIGN_OR_RETURN(RawManifest top, layout->FetchManifest(entry.descriptor, call));
    log.Done("manifest");
    const std::string tag = reference.digest.empty() ? name : "";
    RETURN_IF_ERROR(TakeIn(*layout, std::move(top), reference.Name(), tag, 0, call, log), name);
  }
  return absl::OkStatus();
}

absl::Status ImageStore::Pin(const std::string& name) {
  MutexLock lock(change_);
  return pinned_imports_.insert(name).second ? Publish() : absl::OkStatus();
}

void ImageStore::PinImage(const std::string& name) {
  MutexLock lock(change_);
  if (std::exchange(pinned_image_, name) == name) return;
  const absl::Status published = Publish();
  if (!published.ok()) {
    LogError("the image is pinned with the next change of an image", {{"image", name}, {"error", published.message()}});
  }
}

std::shared_ptr<const Image> ImageStore::Find(const std::string& name) {
  const std::shared_ptr<const Snapshot> now = snapshot();
  // "sha256:<hex>" also parses as a tag of "library/sha256". It is always an id, whatever has been pulled.
  if (const absl::StatusOr<std::string> reference = NormalizeReference(name); reference.ok() && !IsDigest(name)) {
    const auto it = now->ids.find(*reference);
    if (it != now->ids.end()) return now->records.at(it->second).image;
  }
  const std::string prefix = absl::StartsWith(name, kIdPrefix) ? name : absl::StrCat(kIdPrefix, name);
  if (prefix.size() == kIdPrefix.size()) return nullptr;
  const auto first = now->records.lower_bound(prefix);
  if (first == now->records.end() || !absl::StartsWith(first->first, prefix)) return nullptr;
  const auto second = std::next(first);
  const bool ambiguous = second != now->records.end() && absl::StartsWith(second->first, prefix);
  return ambiguous ? nullptr : first->second.image;
}

std::vector<std::shared_ptr<const Image>> ImageStore::List() {
  std::vector<std::shared_ptr<const Image>> images;
  for (const auto& [id, record] : snapshot()->records) images.push_back(record.image);
  return images;
}

absl::Status ImageStore::Remove(const std::string& name) {
  {
    MutexLock lock(change_);
    // If the image is gone, an interrupted removal may still have left layers, which are collected below.
    if (const std::shared_ptr<const Image> image = Find(name); image != nullptr) {
      RETURN_IF_ERROR(DeleteImage(*database_, image->id), "remove image ", image->id);
      RETURN_IF_ERROR(Publish());
    }
  }
  return Annotate(layers_->CollectGarbage(), absl::StrCat("remove layers of ", name));
}

absl::Status ImageStore::MountRootfs(const std::string& image_id, const std::string& container_id,
                                     const std::string& target, const RootfsOptions& options) {
  const std::shared_ptr<const Snapshot> now = snapshot();
  const auto it = now->records.find(image_id);
  if (it == now->records.end()) return absl::NotFoundError(absl::StrCat("no image ", image_id));
  const absl::Status mounted = layers_->MountRootfs(it->second.chain_ids, container_id, target, options);
  // The image may have been removed between the look-up and the mount.
  if (!mounted.ok() && snapshot()->records.count(image_id) == 0) {
    return absl::NotFoundError(
        absl::StrCat("image ", image_id, " was removed while its root file system was being made"));
  }
  return mounted;
}

std::shared_ptr<const ImageStore::Snapshot> ImageStore::snapshot() const {
  MutexLock lock(mutex_);
  return snapshot_;
}

absl::Status ImageStore::Publish() {
  auto next = std::make_shared<Snapshot>();
  std::set<std::string> pinned = pinned_imports_;
  if (!pinned_image_.empty()) pinned.insert(pinned_image_);
  ASSIGN_OR_RETURN(next->records, LoadImages(*database_, pinned, snapshot()->records));
  for (const auto& [id, record] : next->records) {
    for (const std::string& name : record.image->repo_tags) next->ids[name] = id;
    for (const std::string& name : record.image->repo_digests) next->ids[name] = id;
  }
  MutexLock lock(mutex_);
  snapshot_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace crisp
