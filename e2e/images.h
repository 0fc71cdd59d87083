// The images that the tests run, and the registry store that they are served from.
//
// The store is made once for a build and kept in the build directory: layouts written by tests/oci, pushed by skopeo
// into a docker-registry. Tests only read it.
#pragma once

#include <map>
#include <string>

namespace crisp::e2e {

inline constexpr char kPause[] = "registry.cn-hangzhou.aliyuncs.com/google_containers/pause:3.6";
// Debian's busybox with a link for each applet. kBusyboxLatest is the same image under another tag.
inline constexpr char kBusybox[] = "docker.io/library/busybox:1.36";
inline constexpr char kBusyboxLatest[] = "docker.io/library/busybox:latest";
// busybox that wants to be stopped with SIGUSR1.
inline constexpr char kStopSignal[] = "docker.io/e2e/stopsignal:1";
// USER app:staff (1234:50), ENV, ENTRYPOINT, CMD and WORKDIR are set.
inline constexpr char kDefaults[] = "docker.io/e2e/defaults:1";
// Layers that are odd in every way that image_test.cc lists.
inline constexpr char kOddLayers[] = "docker.io/e2e/odd-layers:1";
// The same rootfs as busybox behind other manifests: Docker's schema 2, and a multi-platform index.
inline constexpr char kSchema2[] = "registry.k8s.io/e2e/schema2:1";
inline constexpr char kIndex[] = "registry.k8s.io/e2e/index:1";
// One layer of 8 MiB that does not compress.
inline constexpr char kBig[] = "registry.k8s.io/e2e/big:1";

// VOLUMEs /data (with a file of app's), /linked (a symbolic link to /var, which has nothing but www), /new and
// /skipped/../odd.
inline constexpr char kVolumes[] = "docker.io/e2e/volumes:1";
// A user whose name is a number ("1000", uid 0), who is its USER; and a home directory with a control character.
inline constexpr char kOddUsers[] = "docker.io/e2e/odd-users:1";
// Its USER is one more than 32 bits hold.
inline constexpr char kOverflow[] = "docker.io/e2e/overflow:1";
// An /etc/passwd of 2 MiB.
inline constexpr char kHugePasswd[] = "docker.io/e2e/huge-passwd:1";

struct StoredImage {
  std::string digest;  // of what the tag names
  std::string id;      // the digest of the config
  std::string layout;  // the OCI layout with this image only
};

struct ImageStore {
  std::string directory;                      // for docker-registry
  std::map<std::string, StoredImage> images;  // by reference
};

// Makes the store unless an earlier test of this build has. Throws std::runtime_error. Call it in a machine.
const ImageStore& Store();

// Pushes the layout `layout` of one image as `reference` into the registry at 127.0.0.1:`port`.
void Push(const std::string& layout, const std::string& reference, int port);

}  // namespace crisp::e2e
