#include "images/manifest_search.h"

#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_log.h"

namespace crisp {
namespace {

constexpr int kIndexDepthLimit = 3;   // of indexes that point to indexes
constexpr int kManifestsLimit = 100;  // that are fetched for one image

using MaybeFound = std::optional<FoundManifest>;

class ManifestSearch {
 public:
  ManifestSearch(ImageSource& source, const CallContext& call, StepLog& log)
      : source_(source), call_(call), log_(log), host_(HostPlatform()) {}

  absl::StatusOr<FoundManifest> Run(RawManifest top) {
    ASSIGN_OR_RETURN(MaybeFound found, Search(std::move(top), 0));
    if (found.has_value()) return *std::move(found);
    if (!source_fault_.ok()) return source_fault_;
    return NotBuiltFor(host_, platforms_, fault_);
  }

 private:
  // Nothing if `raw` is an index without an entry for this machine.
  absl::StatusOr<MaybeFound> Search(RawManifest raw, int depth) {
    ASSIGN_OR_RETURN(auto parsed, ParseManifest(raw.body, raw.content_type), raw.digest);
    if (Manifest* manifest = std::get_if<Manifest>(&parsed)) return FoundManifest{std::move(*manifest), ""};
    if (depth > kIndexDepthLimit) {
      return absl::InternalError(
          absl::StrCat("indexes that point to indexes are nested more than ", kIndexDepthLimit, " deep"));
    }
    const Index& index = std::get<Index>(parsed);
    NoteFault(index.first_fault);
    for (const IndexEntry& entry : index.manifests) {
      if (!entry.platform.architecture.empty()) platforms_.insert(Describe(entry.platform));
    }
    return Choose(EntriesFor(index, host_), depth);
  }

  absl::StatusOr<MaybeFound> Choose(const std::vector<IndexEntry>& entries, int depth) {
    MaybeFound best;
    for (const IndexEntry& entry : entries) {
      if (fetched_ == kManifestsLimit) {
        NoteFault(absl::StrCat("more than ", kManifestsLimit, " manifests would have to be looked into"));
        break;
      }
      const bool told = !entry.platform.architecture.empty();
      ASSIGN_OR_RETURN(MaybeFound found, told ? Follow(entry, depth) : LookInto(entry, depth));
      if (!found.has_value()) continue;
      if (told) return found;
      if (!best.has_value() || found->rank < best->rank) best = std::move(found);
      if (best->rank < kForeignRank) break;
    }
    return best;
  }

  absl::StatusOr<MaybeFound> Follow(const IndexEntry& entry, int depth) {
    ASSIGN_OR_RETURN(RawManifest raw, Fetch(entry.descriptor));
    ASSIGN_OR_RETURN(MaybeFound found, Search(std::move(raw), depth + 1));
    if (found.has_value()) {
      found->rank = PlatformRank(host_, entry.platform).value_or(0);
      found->platform_known = true;
    }
    return found;
  }

  // What cannot be fetched or read here may be for another machine.
  absl::StatusOr<MaybeFound> LookInto(const IndexEntry& entry, int depth) {
    absl::StatusOr<RawManifest> raw = Fetch(entry.descriptor);
    if (!raw.ok()) return SkipAfter(raw.status());
    absl::StatusOr<MaybeFound> found = Search(*std::move(raw), depth + 1);
    if (!found.ok()) return SkipAfter(found.status());
    if (!found->has_value() || (*found)->platform_known) return found;
    return ReadPlatform(**std::move(found));
  }

  absl::StatusOr<MaybeFound> ReadPlatform(FoundManifest found) {
    absl::StatusOr<std::string> json = source_.FetchBlob(found.manifest.config, call_);
    if (!json.ok()) return SkipAfter(json.status());
    log_.Done("config");
    const absl::StatusOr<ParsedImageConfig> config = ParseImageConfig(*json);
    if (!config.ok()) return SkipAfter(config.status());
    const Platform platform = PlatformOf(*config);
    const std::optional<int> rank =
        platform.architecture.empty() ? std::make_optional(kForeignRank - 1) : PlatformRank(host_, platform);
    if (!rank.has_value()) platforms_.insert(Describe(platform));
    if (!rank.has_value()) return MaybeFound();
    found.config_json = *std::move(json);
    found.platform_known = true;
    found.rank = *rank;
    return found;
  }

  absl::StatusOr<RawManifest> Fetch(const Descriptor& descriptor) {
    ++fetched_;
    ASSIGN_OR_RETURN(RawManifest raw, source_.FetchManifest(descriptor, call_));
    log_.Done("platform manifest");
    // The index's media type is covered by its digest; the registry's Content-Type is not.
    if (!descriptor.media_type.empty()) raw.content_type = descriptor.media_type;
    return raw;
  }

  absl::StatusOr<MaybeFound> SkipAfter(const absl::Status& status) {
    RETURN_IF_ERROR(call_.Check());
    const bool content = absl::IsInternal(status) || absl::IsNotFound(status);
    if (!content && source_fault_.ok()) source_fault_ = status;
    NoteFault(status.message());
    return MaybeFound();
  }

  void NoteFault(absl::string_view text) {
    if (fault_.empty()) fault_ = std::string(text);
  }

  ImageSource& source_;
  const CallContext& call_;
  StepLog& log_;
  const Platform host_;
  int fetched_ = 0;
  std::set<std::string> platforms_;  // of other machines
  std::string fault_;                // of the first entry that cannot be used
  absl::Status source_fault_;        // that one of a source, which may be gone later
};

}  // namespace

absl::StatusOr<FoundManifest> FindManifest(ImageSource& source, RawManifest top, const CallContext& call,
                                           StepLog& log) {
  return ManifestSearch(source, call, log).Run(std::move(top));
}

Platform PlatformOf(const ParsedImageConfig& config) {
  return {config.config.os, config.config.architecture, config.variant};
}

}  // namespace crisp
