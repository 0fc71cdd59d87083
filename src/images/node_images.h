// NodeImages: Images, and what people do with those of a node (api/crisp/v1/crisp.proto): pulls that are watched,
// names, and what is on record of an image.
//
// Threading and errors as of Images. InvalidArgument for a malformed name; NotFound for an image that is not here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "images/images.h"

namespace crisp {

class PullProgress;
class PullWatch;

// A layer as an image has it.
struct ImageLayer {
  std::string id;         // under which it is recorded (layer_row.h): layers of equal id are one directory
  std::string diff_id;    // "sha256:<hex>" of the tar
  uint64_t packed = 0;    // bytes of the blob
  uint64_t unpacked = 0;  // bytes on disk, in whole blocks
};

struct ImageUse {
  std::shared_ptr<const Image> image;
  uint64_t unpacked = 0;  // bytes that its layers take on the disk
  uint64_t shared = 0;    // of these, of layers that other images have too
};

struct ImagesUse {
  std::vector<ImageUse> images;  // sorted by id
  uint64_t layers = 0;           // bytes of all layers, each counted once
  // Of these, of layers that neither a container nor an image that is pinned has.
  uint64_t unused = 0;
};

class NodeImages : public Images {
 public:
  // As Images::Open.
  static absl::StatusOr<std::unique_ptr<NodeImages>> Open(Layout layout, Database* database, ImagesOptions options);

  // As Pull. `watch` has the progress of the pull that the caller waits for, also when it has ended.
  virtual absl::StatusOr<std::string> PullWatched(const std::string& reference, const RegistryAuth& auth,
                                                  const CallContext& call, PullWatch* watch) = 0;
  // What is being pulled, oldest first.
  virtual std::vector<std::shared_ptr<const PullProgress>> Pulls() const = 0;

  // Gives the image `image`, as of Find, the name `name` with a tag ("latest" if it names none), and returns the whole
  // name. One that another image has moves to this one; the other stays, under the names that it is left with, or its
  // id. InvalidArgument if `name` has a digest.
  virtual absl::StatusOr<std::string> Tag(const std::string& image, const std::string& name) = 0;
  // Takes the name `name` from its image. The image is removed, as by Remove, with its last name; and with its last
  // tag, if the digests that are left as names are of the tag's repository. Returns whether it was.
  virtual absl::StatusOr<bool> Untag(const std::string& name) = 0;

  // The layers of an image, the lowest first.
  virtual absl::StatusOr<std::vector<ImageLayer>> Layers(const std::string& image) = 0;
  // From records; no directory is read.
  virtual absl::StatusOr<ImagesUse> Use() = 0;

  // Writes the images to `sink` as one archive (image_archive.h): each under the tag that `names` has of it, or, where
  // that is an id or a digest, under all that it has. The images cannot lose their layers meanwhile.
  virtual absl::Status Save(const std::vector<std::string>& names,
                            const std::function<absl::Status(absl::string_view)>& sink, const CallContext& call) = 0;
  // Takes in all images of an archive (image_spool.h), and returns their names. A name that another image has moves.
  // InvalidArgument for what is no archive of images, DataLoss for layers that do not match their digests. Images
  // before one that fails stay.
  virtual absl::StatusOr<std::vector<std::string>> Load(const std::function<absl::StatusOr<absl::string_view>()>& input,
                                                        const CallContext& call) = 0;
};

}  // namespace crisp
