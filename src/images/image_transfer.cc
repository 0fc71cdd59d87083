// The part of ImageStore that saves and loads archives, and tells what images take on the disk.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_log.h"
#include "images/digest.h"
#include "images/image_archive.h"
#include "images/image_spool.h"
#include "images/image_store.h"
#include "images/oci_layout.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

// A fault of what somebody has brought, and not of the machine.
absl::Status AsFaultOfArchive(const absl::Status& status) {
  if (!absl::IsInternal(status) || ErrnoOf(status) != 0) return status;
  return absl::InvalidArgumentError(status.message());
}

// The tag, if `name` has one; else all.
std::vector<std::string> TagsOf(const Image& image, const std::string& name) {
  const absl::StatusOr<std::string> whole = NormalizeReference(name);
  if (whole.ok() && std::count(image.repo_tags.begin(), image.repo_tags.end(), *whole) > 0) return {*whole};
  return image.repo_tags;
}

}  // namespace

absl::Status ImageStore::Save(const std::vector<std::string>& names,
                              const std::function<absl::Status(absl::string_view)>& sink, const CallContext& call) {
  std::map<std::string, std::set<std::string>> tags;  // by image id
  std::vector<ImageToSave> images;
  std::vector<LayerLease> leases;
  for (const std::string& name : names) {
    const std::shared_ptr<const Snapshot> now = snapshot();
    const std::shared_ptr<const Image> image = Find(name);
    const auto record = image == nullptr ? now->records.end() : now->records.find(image->id);
    if (record == now->records.end()) return NoSuchImage(name);
    const bool is_new = tags.count(image->id) == 0;
    for (std::string& tag : TagsOf(*image, name)) tags[image->id].insert(std::move(tag));
    if (!is_new) continue;
    ASSIGN_OR_RETURN(HeldLayers held, layers_->Hold(record->second.chain_ids), "save ", name);
    leases.push_back(std::move(held.lease));
    images.push_back({image, {}, std::move(held.directories)});
  }
  for (ImageToSave& image : images) {
    const std::set<std::string>& of_image = tags[image.image->id];
    image.tags.assign(of_image.begin(), of_image.end());
  }
  return WriteImageArchive(images, sink, call);
}

absl::StatusOr<std::vector<std::string>> ImageStore::Load(
    const std::function<absl::StatusOr<absl::string_view>()>& input, const CallContext& call) {
  ASSIGN_OR_RETURN(const WorkDir directory, layers_->MakeWorkDir());
  if (const absl::Status spooled = SpoolImageArchive(input, directory.path(), call); !spooled.ok()) {
    return AsFaultOfArchive(spooled);
  }
  const absl::StatusOr<std::unique_ptr<OciLayout>> layout = OciLayout::Open(directory.path());
  if (!layout.ok()) return AsFaultOfArchive(layout.status());
  std::vector<std::string> names;
  for (const OciLayout::Entry& entry : (*layout)->entries()) {
    RETURN_IF_ERROR(CheckWholeName(entry.name), "image archive");
    ASSIGN_OR_RETURN(const Reference reference, ParseReference(entry.name), "image archive");
    StepLog log("LoadImage", {{"image", reference.String()}});
    absl::StatusOr<RawManifest> top = (*layout)->FetchManifest(entry.descriptor, call);
    if (!top.ok()) return AsFaultOfArchive(top.status());
    const std::string tag = reference.digest.empty() ? reference.String() : "";
    const absl::StatusOr<std::string> id =
        TakeIn(**layout, *std::move(top), reference.Name(), tag, 0, call.LoggedIn(&log), log, nullptr);
    log.Finish(id.status());
    if (!id.ok()) return Annotate(AsFaultOfArchive(id.status()), absl::StrCat("load ", reference.String()));
    names.push_back(reference.String());
  }
  if (names.empty()) return absl::InvalidArgumentError("image archive: there is no image in it");
  return names;
}

absl::StatusOr<ImagesUse> ImageStore::Use() {
  const std::shared_ptr<const Snapshot> now = snapshot();
  ASSIGN_OR_RETURN(std::set<std::string> needed, layers_->InRootfs());
  std::map<std::string, int> images_with;  // by id of a layer
  for (const auto& [id, record] : now->records) {
    const std::set<std::string> layers(record.chain_ids.begin(), record.chain_ids.end());
    for (const std::string& layer : layers) ++images_with[layer];
    if (record.image->pinned) needed.insert(layers.begin(), layers.end());
  }
  ImagesUse use;
  for (const auto& [id, record] : now->records) {
    ImageUse& added = use.images.emplace_back(ImageUse{record.image});
    const std::set<std::string> layers(record.chain_ids.begin(), record.chain_ids.end());
    ASSIGN_OR_RETURN(const std::vector<ImageLayer> described, layers_->Describe({layers.begin(), layers.end()}));
    for (const ImageLayer& layer : described) {
      added.unpacked += layer.unpacked;
      if (images_with.at(layer.id) > 1) added.shared += layer.unpacked;
    }
  }
  for (const ImageLayer& layer : layers_->All()) {
    use.layers += layer.unpacked;
    if (needed.count(layer.id) == 0) use.unused += layer.unpacked;
  }
  return use;
}

}  // namespace crisp
