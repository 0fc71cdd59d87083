#include "doctor/image_check.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "daemon/options.h"
#include "doctor/daemon_client.h"
#include "doctor/database_reader.h"
#include "doctor/finding.h"
#include "doctor/subject.h"
#include "images/image_counters.h"
#include "images/images.h"
#include "images/reference.h"
#include "images/registry_client.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kDaemonTime{4};  // for the daemon

RegistryTimes Times() {
  RegistryTimes times;
  times.http = {milliseconds(5000), milliseconds(5000), milliseconds(8000)};
  times.answer = milliseconds(5000);
  return times;
}

// The daemon's word, or that of its database while it does not answer.
absl::StatusOr<bool> IsOnNode(const Subject& subject, const Reference& image, const CallContext& call) {
  DaemonClient client(subject.config.grpc.address);
  const absl::StatusOr<bool> told = client.HasImage(image.String(), call.Within(kDaemonTime));
  if (told.ok()) return told;
  return DatabaseHasImage(subject.layout().Database(), image.String());
}

absl::StatusOr<std::string> Resolve(const Subject& subject, const Reference& image, const CallContext& call) {
  const RegistryOptions options = ImagesOptionsOf(subject.config).registry;
  ImageCounters counters;  // nobody reads them
  ASSIGN_OR_RETURN(const std::unique_ptr<RegistryClient> client,
                   RegistryClient::Create(options, image, RegistryAuth(), &counters, Times()));
  ASSIGN_OR_RETURN(Resolved resolved, client->Resolve(call));
  return std::move(resolved.digest);
}

}  // namespace

void CheckImage(const Subject& subject, Findings* findings, const CallContext& call) {
  const std::string& name = subject.config.sandbox_image;
  const absl::StatusOr<Reference> image = ParseReference(name);
  if (!image.ok()) {
    return findings->Problem("pause", name, std::string(image.status().message()), "mend sandbox_image");
  }
  if (IsOnNode(subject, *image, call).value_or(false)) return findings->Ok("pause", name, "is on the node");
  const absl::StatusOr<std::string> digest = Resolve(subject, *image, call);
  if (digest.ok()) {
    return findings->Ok("pause", name, absl::StrCat("is not on the node yet; its registry has it: ", *digest));
  }
  findings->Problem(
      "pause", name,
      absl::StrCat("is not on the node, and no endpoint gives it, so no pod starts: ", digest.status().message()),
      "set sandbox_image to one that your registry has, mend the registry (check registry), or put an OCI layout "
      "of it below preload_dir");
}

}  // namespace crisp
