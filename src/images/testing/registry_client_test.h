// The fixture for tests of RegistryClient: a registry that the test can script, and a second one to redirect to.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/testing/status_text.h"
#include "images/digest.h"
#include "images/image_counters.h"
#include "images/reference.h"
#include "images/registry_client.h"
#include "images/registry_options.h"
#include "images/testing/test_registry.h"

namespace crisp {

inline constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

// Short times, so that failures are quick. A test of silence gives a shorter `stall`: on a busy machine a healthy
// registry of a test is silent for a while, too.
inline RegistryTimes Quick(std::chrono::milliseconds stall = std::chrono::seconds(20)) {
  return {.http = {.connect = std::chrono::seconds(20), .stall = stall},
          .first_pause = std::chrono::milliseconds(5),
          .retry_after_limit = std::chrono::milliseconds(50)};
}

class RegistryClientTest : public testing::Test {
 protected:
  RegistryClient& Client(const std::string& reference = "library/x:1", const RegistryAuth& auth = {}) {
    absl::StatusOr<std::unique_ptr<RegistryClient>> client =
        RegistryClient::Create(options_, *ParseReference(registry_.host() + "/" + reference), auth, &counters_, times_);
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    return *client_;
  }

  // Fetches `blob_` and returns what arrived.
  absl::StatusOr<std::string> Blob(RegistryClient& client, uint64_t size, const CallContext& call = CallContext()) {
    std::string got;
    const absl::Status status = client.Fetch(
        {.digest = DigestOf(blob_), .size = size, .diff_id = ""},
        [&](absl::string_view bytes) {
          got.append(bytes.data(), bytes.size());
          return absl::OkStatus();
        },
        call);
    if (!status.ok()) return status;
    return got;
  }
  absl::StatusOr<std::string> Blob() { return Blob(Client(), blob_.size()); }

  void Answer(std::function<std::optional<FakeReply>(const FakeRequest&)> handler) { registry_.SetHandler(handler); }
  void AlwaysAnswer(FakeReply reply) {
    Answer([reply](const FakeRequest&) { return reply; });
  }

  RegistryOptions options_;
  RegistryTimes times_ = Quick();
  ImageCounters counters_;
  // Before the registries, whose handlers use them.
  std::string blob_ = std::string(3 << 20, 'b') + "end";
  const std::string manifest_ = R"({"schemaVersion":2})";
  FakeRegistry registry_;
  FakeRegistry other_;
  std::unique_ptr<RegistryClient> client_;
};

}  // namespace crisp
