// Registries for tests, on 127.0.0.1: a scripted one, and a real docker-registry.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "images/image_source.h"
#include "images/testing/test_certificates.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/testing/test_dir.h"

namespace crisp {

class FakeWire;

struct FakeRequest {
  std::string method;
  std::string path;                            // without the query
  std::string query;                           // without "?"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool secure = false;  // it came over TLS
  std::string client;   // the name in the client's certificate, if it showed one

  std::string Header(const std::string& name) const;
};

struct FakeReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::optional<size_t> reset_after = {};  // reset the connection after this many bytes of the body
  bool without_length = false;             // no Content-Length: the end of the connection is the end of the body
  bool hang = false;                       // send nothing more after the body, and do not close
  bool drop = false;                       // send nothing at all, and close unless `hang`
};

// How a FakeRegistry speaks TLS.
struct FakeTls {
  TestCertificate own;
  std::string client_ca = {};                       // PEM: every client must show a certificate of this authority
  bool also_plain = false;                          // clients that begin with http are served so
  std::shared_ptr<std::atomic<int>> hang_ups = {};  // so many handshakes end with a hang-up
};

// An HTTP/1.1 server with a thread for each connection. It serves the blobs and manifests that were added, with Range;
// a handler may answer first. A client that begins TLS where none is spoken, or http where TLS is, gets the plain "400
// Bad Request" of Go's servers. Thread-safe.
class FakeRegistry {
 public:
  using Handler = std::function<std::optional<FakeReply>(const FakeRequest&)>;

  explicit FakeRegistry(std::optional<FakeTls> tls = std::nullopt);
  ~FakeRegistry();
  FakeRegistry(const FakeRegistry&) = delete;
  FakeRegistry& operator=(const FakeRegistry&) = delete;

  std::string host() const;  // "127.0.0.1:<port>"
  std::string Url(const std::string& path) const { return (tls_ ? "https://" : "http://") + host() + path; }

  void SetHandler(Handler handler);               // nullptr for none
  std::string AddBlob(const std::string& bytes);  // returns its digest
  // Under `tag` and under its digest, which is returned. `repository`: "library/busybox".
  std::string AddManifest(const std::string& repository, const std::string& tag, const std::string& body,
                          const std::string& media_type);
  // Everything in the OCI layout `directory`, with its first image as repository:tag.
  void AddLayout(const std::string& directory, const std::string& repository, const std::string& tag);

  std::vector<FakeRequest> requests() const;
  // "<method> <path> <status>" of each request that was answered.
  std::vector<std::string> answers() const;
  // The number of requests with this in their "<method> <path>".
  int Count(const std::string& part) const;
  // Returns once there are `count` of them.
  void Await(const std::string& part, int count = 1);
  void ForgetRequests();

 private:
  void Accept();
  void Converse(Fd connection);
  void Exchange(FakeWire& wire);
  int CountLocked(const std::string& part) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  FakeReply Answer(const FakeRequest& request);
  FakeReply Serve(const FakeRequest& request);

  const std::optional<FakeTls> tls_;
  int port_ = 0;  // set by the initialisation of listener_
  Fd listener_;
  std::atomic<bool> stopping_{false};
  std::thread acceptor_;
  mutable Mutex mutex_;
  CondVar changed_;
  int conversations_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<int> connections_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Handler> handler_ ABSL_GUARDED_BY(mutex_);
  std::vector<FakeRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> answers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> blobs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::pair<std::string, std::string>> manifests_ ABSL_GUARDED_BY(mutex_);
};

// A port that takes no connection: connecting to it waits until the client has enough.
class FullListener {
 public:
  FullListener();
  std::string host() const;

 private:
  int port_ = 0;
  Fd listener_;
  std::vector<Fd> waiting_;
};

// An OCI manifest of these blobs.
std::string ManifestJson(const Descriptor& config, const std::vector<Descriptor>& layers);

// /usr/bin/docker-registry on a free port, with its data in a temporary directory.
class RealRegistry {
 public:
  // `more` are additional lines of its configuration, such as "auth:"; `tls` are the lines below http.tls, if any.
  explicit RealRegistry(const std::string& more = "", const std::string& tls = "");
  ~RealRegistry();
  RealRegistry(const RealRegistry&) = delete;
  RealRegistry& operator=(const RealRegistry&) = delete;

  static bool Installed();
  std::string host() const;
  // Copies the image `name` of the OCI layout `directory` to repository:tag with skopeo. `credentials`:
  // "user:password".
  absl::Status Push(const std::string& directory, const std::string& name, const std::string& repository_and_tag,
                    const std::string& credentials = "");

 private:
  TestDir directory_;
  int port_ = 0;
  Pidfd process_;
};

}  // namespace crisp
