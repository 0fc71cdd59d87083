// The images that the tests run, and the registry store that they are served from.
//
// The store is made once a build and kept in the build directory: tests/oci writes layouts, and skopeo pushes them into
// a docker-registry. Tests only read it.
#pragma once

#include <map>
#include <string>

namespace crisp::e2e {

inline constexpr char kPause[] = "registry.cn-hangzhou.aliyuncs.com/google_containers/pause:3.6";
// Debian's busybox with a link for each applet. kBusyboxLatest is the same image under another tag.
inline constexpr char kBusybox[] = "docker.io/library/busybox:1.36";
inline constexpr char kBusyboxLatest[] = "docker.io/library/busybox:latest";
// busybox whose STOPSIGNAL is SIGUSR1.
inline constexpr char kStopSignal[] = "docker.io/e2e/stopsignal:1";
// busybox with USER app:staff (1234:50), ENV, ENTRYPOINT, CMD and WORKDIR.
inline constexpr char kDefaults[] = "docker.io/e2e/defaults:1";
// Layers with every kind of entry that layer_test.cc looks at.
inline constexpr char kOddLayers[] = "docker.io/e2e/odd-layers:1";
// busybox behind other manifests: Docker's schema 2, and a multi-platform index.
inline constexpr char kSchema2[] = "registry.k8s.io/e2e/schema2:1";
inline constexpr char kIndex[] = "registry.k8s.io/e2e/index:1";
// One layer of 8 MiB that does not compress.
inline constexpr char kBig[] = "registry.k8s.io/e2e/big:1";

// busybox with VOLUMEs: /data, with a file of the user app's; /linked, a symbolic link to /var, which has only www in
// it; /new; and /skipped/../odd.
inline constexpr char kVolumes[] = "docker.io/e2e/volumes:1";
// USER is "1000", which /etc/passwd has as the name of a user with uid 0. The user bell has a control character in the
// path of its home.
inline constexpr char kOddUsers[] = "docker.io/e2e/odd-users:1";
// USER is a number that does not fit 32 bits.
inline constexpr char kOverflow[] = "docker.io/e2e/overflow:1";
// An /etc/passwd of 2 MiB.
inline constexpr char kHugePasswd[] = "docker.io/e2e/huge-passwd:1";

struct StoredImage {
  std::string digest;  // of the manifest or index that the tag names
  std::string id;      // the digest of the config
  std::string layout;  // a directory: the OCI layout with only this image
};

struct ImageStore {
  std::string directory;                      // for docker-registry
  std::map<std::string, StoredImage> images;  // by reference
};

// Makes the store unless an earlier test of this build has. To be called in a machine: it needs ports of its own.
// Throws std::runtime_error.
const ImageStore& Store();

// Pushes the layout `layout` of one image as `reference` into the registry at 127.0.0.1:`port`.
void Push(const std::string& layout, const std::string& reference, int port);

}  // namespace crisp::e2e
