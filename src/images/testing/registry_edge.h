// RegistryEdge: registries that serve one image, and a pull of it that tells which of them gave what. For tests of how
// pulls go when registries, mirrors and their configuration are not as they should be.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/call_context.h"
#include "images/image_counters.h"
#include "images/registry_client.h"
#include "images/registry_options.h"
#include "images/testing/test_certificates.h"
#include "images/testing/test_registry.h"
#include "os/testing/test_dir.h"

namespace crisp {

class RegistryEdge {
 public:
  RegistryEdge();

  // Every server has the image as library/x:1. `registry`, `mirror` and `cdn` speak http, `secure` TLS with a
  // certificate of `ca`, `guarded` too and wants a client's certificate of `client_ca`; `both` speaks either on one
  // port.
  TestCa ca{"ca"};
  TestCa client_ca{"client-ca"};
  FakeRegistry registry, mirror, cdn;
  const std::shared_ptr<std::atomic<int>> hang_ups = std::make_shared<std::atomic<int>>(0);  // of `secure`
  FakeRegistry secure{FakeTls{.own = ca.Issue("secure"), .hang_ups = hang_ups}};
  FakeRegistry guarded{FakeTls{ca.Issue("guarded"), client_ca.pem()}};
  FakeRegistry both{FakeTls{.own = ca.Issue("both"), .also_plain = true}};

  // What is pulled, and how.
  std::string reference = "reg.test/library/x:1";
  RegistryOptions options;
  RegistryAuth auth;
  RegistryTimes times;

  // The parts of the image.
  std::string layer, config, manifest, index;

  // Writes hosts.toml for the registry of `reference`; `$NAME` in it is the URL of that server, `$DIR` the directory
  // for all.
  void Hosts(const std::string& text);
  // Writes a file beside it.
  void File(const std::string& name, const std::string& contents);
  std::string Path(const std::string& name) const;
  std::string Expand(std::string text) const;

  // Pulls the image. "tag A, manifest B, layer C" says which servers gave the digest of the tag, the manifest in the
  // index, and the layer. An error is its text. What hosts.toml has that does nothing comes behind.
  std::string Pull();
  // Resolves the reference of an image that is known: "digest from A", or the error.
  std::string PullAgain();

  // "name: <value>" of each request to `server` whose path has `part`, with "; " between.
  static std::string Headers(const FakeRegistry& server, const std::string& part, const std::string& name);

 private:
  std::vector<std::pair<std::string, FakeRegistry*>> Servers();
  std::string WhoGave(const std::string& part);
  absl::StatusOr<std::unique_ptr<RegistryClient>> Client();
  std::string Directory() const;

  TestDir directory_;
  ImageCounters counters_;
  std::vector<std::string> warnings_;
};

}  // namespace crisp
