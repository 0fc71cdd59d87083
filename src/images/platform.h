// Platforms as images name them (OCI image specification 1.1, image-index.md, "platform"), and which of them this
// machine can run. Architectures have the names of GOARCH. The order is that of containerd's default matcher.
//
// Pure functions, except HostPlatform, which reads /proc/cpuinfo once. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  bool needs_features = false;  // "os.features" is not empty
};

// The platform of this machine, with the highest variant that its CPU can run.
Platform HostPlatform();

// The same for a machine with this text in /proc/cpuinfo: "" (the baseline) to "v4" of amd64, "" to "v9.1" of arm64.
std::string Amd64Variant(absl::string_view cpuinfo);
std::string Arm64Variant(absl::string_view cpuinfo);

// With other spellings replaced: "x86_64" is "amd64", "aarch64" is "arm64". A baseline variant is empty. An empty
// `os` is "linux".
Platform Normalized(const Platform& platform);

// Ranks of 32-bit architectures begin here; those of the machine's own architecture are below.
inline constexpr int kForeignRank = 100;

// How well an image for `platform` fits a machine: 0 is best. Nothing if the machine cannot run it.
//   amd64/v3:   amd64/v3, amd64/v2, amd64, 386
//   arm64/v8.1: arm64/v8.1, arm64, arm/v8, arm/v7, arm/v6, arm/v5
std::optional<int> PlatformRank(const Platform& host, const Platform& platform);

// "linux/arm64/v8" for messages, short and without control characters.
std::string Describe(const Platform& platform);

}  // namespace crisp
