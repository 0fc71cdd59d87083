// Image references: [domain[:port]/]path[:tag][@digest], in the grammar of the distribution project's reference
// package. Docker's short names are completed: "busybox" is "docker.io/library/busybox:latest".
//
// The domain is in lower case, as hosts are the same in any case: LOCALHOST/x and localhost/x are one image. A first
// component that only its upper-case letters make a domain ("Foo/x") stays as it is.
//
// In a reference with tag and digest the digest counts: the tag is validated and dropped, as by containerd.
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
  // The last part of a manifest's URL: ".../manifests/<this>".
  const std::string& TagOrDigest() const { return digest.empty() ? tag : digest; }
};

// InvalidArgument naming the reference and the part of it that is wrong.
absl::StatusOr<Reference> ParseReference(absl::string_view text);

}  // namespace crisp
