#include "images/testing/test_registry.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/testing/wait.h"
#include "images/digest.h"
#include "images/testing/fake_wire.h"
#include "os/file.h"
#include "os/process.h"

namespace crisp {
namespace {

constexpr size_t kFileLimit = 512 << 20;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Fd Listen(int* port, int backlog = 64) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd.get(), backlog) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  *port = ntohs(address.sin_port);
  return fd;
}

bool Connects(int port) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

namespace {

// Reads one request from `wire`; `rest` is what was read beyond it. False at the end of the connection.
bool ReadRequest(FakeWire& wire, std::string* rest, FakeRequest* request) {
  const auto more = [&] {
    const std::string bytes = wire.Receive();
    rest->append(bytes);
    return !bytes.empty();
  };
  size_t end;
  while ((end = rest->find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return false;
  }
  const std::vector<std::string> lines = absl::StrSplit(rest->substr(0, end), "\r\n");
  const std::vector<std::string> first = absl::StrSplit(lines[0], ' ');
  if (first.size() != 3) return false;
  request->method = first[0];
  const std::pair<std::string, std::string> target = absl::StrSplit(first[1], absl::MaxSplits('?', 1));
  request->path = target.first;
  request->query = target.second;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> header = absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
    request->headers[absl::AsciiStrToLower(header.first)] = header.second;
  }
  rest->erase(0, end + 4);
  size_t length = 0;
  (void)absl::SimpleAtoi(request->Header("content-length"), &length);
  while (rest->size() < length) {
    if (!more()) return false;
  }
  request->client = wire.client();
  request->secure = wire.secure();
  request->body = rest->substr(0, length);
  rest->erase(0, length);
  return true;
}

// False if the connection is over.
bool SendReply(FakeWire& wire, const FakeRequest& request, const FakeReply& reply) {
  if (reply.drop) {
    if (reply.hang) (void)wire.Receive();
    return false;
  }
  std::string head = absl::StrCat("HTTP/1.1 ", reply.status, " Status\r\n");
  bool has_length = reply.without_length || reply.status == 304;
  for (const auto& [name, value] : reply.headers) {
    absl::StrAppend(&head, name, ": ", value, "\r\n");
    has_length |= absl::EqualsIgnoreCase(name, "content-length");
  }
  if (!has_length) absl::StrAppend(&head, "Content-Length: ", reply.body.size(), "\r\n");
  if (reply.without_length) absl::StrAppend(&head, "Connection: close\r\n");
  if (!wire.Send(head + "\r\n")) return false;
  if (request.method == "HEAD") return true;
  absl::string_view body = reply.body;
  if (reply.reset_after) body = body.substr(0, *reply.reset_after);
  if (!wire.Send(body)) return false;
  if (reply.reset_after) {
    // The peer must get what was sent before the reset: wait until it has read all of it, which it shows by silence.
    LetTimePass(std::chrono::milliseconds(50));
    const linger at_once{1, 0};
    setsockopt(wire.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    return false;
  }
  if (reply.hang) {
    (void)wire.Receive();
    return false;
  }
  return !reply.without_length;
}

}  // namespace

std::string FakeRequest::Header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? "" : it->second;
}

FakeRegistry::FakeRegistry(std::optional<FakeTls> tls)
    : tls_(std::move(tls)), listener_(Listen(&port_)), acceptor_([this] { Accept(); }) {
  // SSL_write has no flag against it.
  if (tls_.has_value()) signal(SIGPIPE, SIG_IGN);
}

FakeRegistry::~FakeRegistry() {
  stopping_ = true;
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  MutexLock lock(mutex_);
  for (const int connection : connections_) shutdown(connection, SHUT_RDWR);
  while (conversations_ > 0) changed_.Wait(mutex_);
}

std::string FakeRegistry::host() const {
  return absl::StrCat("127.0.0.1:", port_);
}

void FakeRegistry::Accept() {
  for (;;) {
    Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (stopping_ || !connection.valid()) return;
    MutexLock lock(mutex_);
    ++conversations_;
    connections_.insert(connection.get());
    std::thread([this, fd = connection.release()] { Converse(Fd(fd)); }).detach();
  }
}

void FakeRegistry::Converse(Fd connection) {
  const int fd = connection.get();
  FakeWire wire(std::move(connection));
  if (wire.Open(tls_)) Exchange(wire);
  MutexLock lock(mutex_);
  connections_.erase(fd);
  --conversations_;
  changed_.NotifyAll();
}

void FakeRegistry::Exchange(FakeWire& wire) {
  std::string rest;
  for (FakeRequest request; ReadRequest(wire, &rest, &request); request = {}) {
    const FakeReply reply = Answer(request);
    {
      MutexLock lock(mutex_);
      answers_.push_back(absl::StrCat(request.method, " ", request.path, " ", reply.status));
    }
    if (!SendReply(wire, request, reply)) return;
  }
}

FakeReply FakeRegistry::Answer(const FakeRequest& request) {
  std::shared_ptr<Handler> handler;
  {
    MutexLock lock(mutex_);
    requests_.push_back(request);
    changed_.NotifyAll();
    handler = handler_;
  }
  if (handler != nullptr) {
    if (std::optional<FakeReply> reply = (*handler)(request)) return *std::move(reply);
  }
  return Serve(request);
}

FakeReply FakeRegistry::Serve(const FakeRequest& request) {
  MutexLock lock(mutex_);
  if (const auto it = manifests_.find(request.path); it != manifests_.end()) {
    const auto& [body, type] = it->second;
    FakeReply reply{.headers = {{"Content-Type", type}, {"Docker-Content-Digest", DigestOf(body)}}, .body = body};
    if (request.method == "HEAD") {
      reply.headers.emplace_back("Content-Length", absl::StrCat(body.size()));
      reply.body.clear();
    }
    return reply;
  }
  const auto it = blobs_.find(request.path.substr(request.path.rfind('/') + 1));
  if (it == blobs_.end()) {
    return {.status = 404, .body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"};
  }
  const std::string& blob = it->second;
  const std::string range = request.Header("range");
  size_t start = 0;
  if (range.empty()) return {.body = blob};
  (void)absl::SimpleAtoi(absl::StripSuffix(absl::StripPrefix(range, "bytes="), "-"), &start);
  return {.status = 206,
          .headers = {{"Content-Range", absl::StrCat("bytes ", start, "-", blob.size() - 1, "/", blob.size())}},
          .body = blob.substr(start)};
}

void FakeRegistry::SetHandler(Handler handler) {
  MutexLock lock(mutex_);
  handler_ = handler ? std::make_shared<Handler>(std::move(handler)) : nullptr;
}

std::string FakeRegistry::AddBlob(const std::string& bytes) {
  MutexLock lock(mutex_);
  const std::string digest = DigestOf(bytes);
  blobs_[digest] = bytes;
  return digest;
}

std::string FakeRegistry::AddManifest(const std::string& repository, const std::string& tag, const std::string& body,
                                      const std::string& media_type) {
  MutexLock lock(mutex_);
  const std::string digest = DigestOf(body);
  for (const std::string& name : {tag, digest}) {
    manifests_[absl::StrCat("/v2/", repository, "/manifests/", name)] = {body, media_type};
  }
  return digest;
}

void FakeRegistry::AddLayout(const std::string& directory, const std::string& repository, const std::string& tag) {
  const std::string blobs = directory + "/blobs/sha256/";
  const auto read = [](const std::string& path) { return *ReadFileAt(AT_FDCWD, path, kFileLimit); };
  const std::vector<std::string> names = *ListDir(blobs);
  for (const std::string& hex : names) AddBlob(read(blobs + hex));
  const nlohmann::json index = nlohmann::json::parse(read(directory + "/index.json"));
  std::vector<nlohmann::json> entries = {index["manifests"][0]};
  std::string name = tag;
  while (!entries.empty()) {
    const nlohmann::json entry = entries.back();
    entries.pop_back();
    const std::string path = blobs + entry["digest"].get<std::string>().substr(7);
    if (!Exists(path)) continue;
    const std::string body = read(path);
    AddManifest(repository, name, body, entry["mediaType"]);
    name = entry["digest"];
    const nlohmann::json manifest = nlohmann::json::parse(body);
    if (!manifest.contains("manifests")) continue;
    for (const nlohmann::json& child : manifest["manifests"]) entries.push_back(child);
  }
}

std::vector<FakeRequest> FakeRegistry::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

std::vector<std::string> FakeRegistry::answers() const {
  MutexLock lock(mutex_);
  return answers_;
}

int FakeRegistry::Count(const std::string& part) const {
  MutexLock lock(mutex_);
  return CountLocked(part);
}

int FakeRegistry::CountLocked(const std::string& part) const {
  return static_cast<int>(std::count_if(requests_.begin(), requests_.end(), [&](const FakeRequest& request) {
    return absl::StrContains(absl::StrCat(request.method, " ", request.path), part);
  }));
}

void FakeRegistry::Await(const std::string& part, int count) {
  MutexLock lock(mutex_);
  while (CountLocked(part) < count) changed_.Wait(mutex_);
}

void FakeRegistry::ForgetRequests() {
  MutexLock lock(mutex_);
  requests_.clear();
  answers_.clear();
}

FullListener::FullListener() : listener_(Listen(&port_, 0)) {
  const sockaddr_in address = Loopback(port_);
  // The kernel lets in one more than the backlog, and then drops what comes.
  for (int i = 0; i < 4; ++i) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    waiting_.push_back(std::move(fd));
  }
}

std::string FullListener::host() const {
  return absl::StrCat("127.0.0.1:", port_);
}

std::string ManifestJson(const Descriptor& config, const std::vector<Descriptor>& layers) {
  const auto json = [](const Descriptor& d) {
    return nlohmann::json{{"mediaType", d.media_type}, {"digest", d.digest}, {"size", d.size}};
  };
  nlohmann::json manifest = {{"schemaVersion", 2},
                             {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                             {"config", json(config)},
                             {"layers", nlohmann::json::array()}};
  for (const Descriptor& layer : layers) manifest["layers"].push_back(json(layer));
  return manifest.dump();
}

bool RealRegistry::Installed() {
  return Exists("/usr/bin/docker-registry") && Exists("/usr/bin/skopeo");
}

RealRegistry::RealRegistry(const std::string& more, const std::string& tls) {
  { Fd probe = Listen(&port_); }
  const std::string config = absl::StrCat(
      "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ", directory_.path(),
      "/store\nhttp:\n  addr: ", host(), "\n", tls, more);
  const std::string path = directory_.path() + "/config.yml";
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, path, config, 0600).ok());
  Fd log(open((directory_.path() + "/log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  absl::StatusOr<Child> child = SpawnDetached("/usr/bin/docker-registry", {"serve", path},
                                              {"OTEL_TRACES_EXPORTER=none"}, {-1, log.get(), log.get()});
  if (!child.ok()) {
    ADD_FAILURE() << child.status();
    return;
  }
  process_ = std::move(child->pidfd);
  EXPECT_TRUE(Eventually([&] { return Connects(port_); })) << "docker-registry does not listen";
}

RealRegistry::~RealRegistry() {
  if (!process_.valid()) return;
  process_.Signal(SIGKILL);
  process_.Reap();
}

std::string RealRegistry::host() const {
  return absl::StrCat("127.0.0.1:", port_);
}

absl::Status RealRegistry::Push(const std::string& directory, const std::string& name,
                                const std::string& repository_and_tag, const std::string& credentials) {
  Command command;
  command.path = "/usr/bin/skopeo";
  command.args = {"--insecure-policy", "copy", "--preserve-digests", "--dest-tls-verify=false"};
  if (!credentials.empty()) command.args.push_back(absl::StrCat("--dest-creds=", credentials));
  command.args.push_back(absl::StrCat("oci:", directory, ":", name));
  command.args.push_back(absl::StrCat("docker://", host(), "/", repository_and_tag));
  command.env = {"PATH=/usr/bin:/bin", absl::StrCat("HOME=", directory_.path()),
                 absl::StrCat("XDG_RUNTIME_DIR=", directory_.path())};
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command, CallContext::WithTimeout(std::chrono::seconds(60))));
  if (!result.ok()) return absl::InternalError(absl::StrCat("skopeo: ", result.Describe()));
  return absl::OkStatus();
}

}  // namespace crisp
