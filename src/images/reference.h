// Image references: [domain[:port]/]path[:tag][@digest], in the grammar of the distribution project's reference
// package, with Docker's familiar short names made whole: "busybox" is "docker.io/library/busybox:latest".
//
// A reference with both a tag and a digest is the digest's: the tag is checked and dropped, as by containerd.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

struct Reference {
  std::string domain;  // "docker.io", "localhost:5000", "[::1]:5000"
  std::string path;    // "library/busybox"
  std::string tag;     // empty if there is a digest
  std::string digest;  // empty if there is a tag

  std::string Name() const;    // "docker.io/library/busybox"
  std::string String() const;  // the name with ":tag" or "@digest"
  // What stands behind ".../manifests/" in a registry's URL.
  const std::string& TagOrDigest() const { return digest.empty() ? tag : digest; }
};

// InvalidArgument naming the reference and the part of it that is wrong.
absl::StatusOr<Reference> ParseReference(absl::string_view text);

}  // namespace crisp
