// OciLayout: images in a directory (OCI image specification 1.1, image-layout.md), for images that are installed with
// the node rather than pulled. Content is verified like that of a registry.
//
// Thread-safe once open. Errors are Internal and name the file and what is wrong with it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "images/image_source.h"
#include "os/fd.h"

namespace crisp {

// InvalidArgument for the name of an entry that is only a tag, "1.36" or "latest", as many tools write them: it would
// be taken for the name of a repository.
absl::Status CheckWholeName(absl::string_view name);

class OciLayout : public ImageSource {
 public:
  struct Entry {
    std::string name;  // from the annotations; empty if there is none
    Descriptor descriptor;
  };

  static absl::StatusOr<std::unique_ptr<OciLayout>> Open(const std::string& directory);

  // The entries of index.json, in its order.
  const std::vector<Entry>& entries() const { return entries_; }

  absl::StatusOr<RawManifest> FetchManifest(const Descriptor& descriptor, const CallContext& call) override;
  absl::StatusOr<std::string> FetchBlob(const Descriptor& descriptor, const CallContext& call) override;
  absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) override;

 private:
  OciLayout(std::string directory, Fd root) : directory_(std::move(directory)), root_(std::move(root)) {}
  absl::Status CheckMarker() const;
  absl::Status ReadIndex();
  absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) const;

  const std::string directory_;
  const Fd root_;
  std::vector<Entry> entries_;
};

}  // namespace crisp
