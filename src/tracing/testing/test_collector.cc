#include "tracing/testing/test_collector.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr char kTlsHandshake = 0x16;  // the first byte of a record (RFC 8446, section 5.1)

Fd ListenOnLoopback(int* port) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd.get(), raw, size) != 0 || listen(fd.get(), 16) != 0 || getsockname(fd.get(), raw, &size) != 0) abort();
  *port = ntohs(address.sin_port);
  return fd;
}

// False at the end of the connection.
bool ReadMore(int connection, std::string* buffer) {
  char block[16384];
  const ssize_t n = recv(connection, block, sizeof(block), 0);
  if (n > 0) buffer->append(block, static_cast<size_t>(n));
  return n > 0;
}

void Send(int connection, const CollectorReply& reply) {
  const std::string head = absl::StrCat("HTTP/1.1 ", reply.status, " x\r\nContent-Length: ", reply.body.size(), "\r\n",
                                        reply.header.empty() ? "" : absl::StrCat(reply.header, "\r\n"), "\r\n");
  const std::string all = head + reply.body;
  (void)!send(connection, all.data(), all.size(), MSG_NOSIGNAL);
}

bool ReadRequest(int connection, std::string* buffer, CollectorRequest* request) {
  size_t end = 0;
  while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore(connection, buffer)) return false;
    if (buffer->front() == kTlsHandshake) {
      Send(connection, {.status = 400});  // as Go's servers answer TLS where they speak none
      return false;
    }
  }
  const std::vector<std::string> lines = absl::StrSplit(buffer->substr(0, end), "\r\n");
  request->line = lines[0];
  for (const std::string& line : lines) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(line, absl::MaxSplits(": ", 1));
    request->headers[absl::AsciiStrToLower(pair.first)] = pair.second;
  }
  size_t length = 0;
  if (!absl::SimpleAtoi(request->headers["content-length"], &length)) return false;
  while (buffer->size() < end + 4 + length) {
    if (!ReadMore(connection, buffer)) return false;
  }
  request->body = buffer->substr(end + 4, length);
  buffer->erase(0, end + 4 + length);
  return true;
}

template <typename Message>
std::string Find(const Message& message, const std::string& name) {
  for (const otlp::KeyValue& pair : message.attributes()) {
    if (pair.key() != name) continue;
    return pair.value().value_case() == otlp::AnyValue::kIntValue ? absl::StrCat(pair.value().int_value())
                                                                  : pair.value().string_value();
  }
  return "";
}

}  // namespace

TestCollector::TestCollector(Handler handler)
    : handler_(std::move(handler)), listener_(ListenOnLoopback(&port_)), acceptor_([this] { Accept(); }) {}

TestCollector::~TestCollector() {
  std::vector<std::thread> conversations;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
    shutdown(listener_.get(), SHUT_RDWR);
    for (const Fd& connection : connections_) shutdown(connection.get(), SHUT_RDWR);
  }
  acceptor_.join();
  {
    const MutexLock lock(mutex_);
    conversations = std::move(conversations_);
  }
  for (std::thread& conversation : conversations) conversation.join();
}

std::string TestCollector::Endpoint() const {
  return absl::StrCat("http://127.0.0.1:", port_);
}

void TestCollector::Accept() {
  while (true) {
    Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const MutexLock lock(mutex_);
    if (ending_ || !connection.valid()) return;
    connections_.push_back(std::move(connection));
    conversations_.emplace_back([this, fd = connections_.back().get()] { Converse(fd); });
  }
}

void TestCollector::Converse(int connection) {
  std::string buffer;
  CollectorRequest request;
  while (ReadRequest(connection, &buffer, &request)) {
    const CollectorReply reply = Answer(request);
    if (!reply.hang) Send(connection, reply);
    request = {};
  }
}

CollectorReply TestCollector::Answer(const CollectorRequest& request) {
  const MutexLock lock(mutex_);
  requests_.push_back(request);
  const CollectorReply reply = handler_ ? handler_(static_cast<int>(requests_.size())) : CollectorReply();
  otlp::ExportTraceServiceRequest message;
  if (reply.status == 200 && !reply.hang && message.ParseFromString(request.body)) {
    for (const otlp::ResourceSpans& all : message.resource_spans()) {
      resources_.push_back(all.resource());
      for (const otlp::ScopeSpans& scope : all.scope_spans()) {
        spans_.insert(spans_.end(), scope.spans().begin(), scope.spans().end());
      }
    }
  }
  changed_.NotifyAll();
  return reply;
}

std::vector<CollectorRequest> TestCollector::requests() const {
  const MutexLock lock(mutex_);
  return requests_;
}

std::vector<otlp::Span> TestCollector::spans() const {
  const MutexLock lock(mutex_);
  return spans_;
}

std::vector<otlp::Resource> TestCollector::resources() const {
  const MutexLock lock(mutex_);
  return resources_;
}

void TestCollector::Await(const std::function<bool()>& reached) const {
  const MonoTime end = MonoClock::now() + kPatience;
  while (!reached() && changed_.WaitUntil(mutex_, end)) {
  }
}

void TestCollector::AwaitRequests(size_t count) const {
  const MutexLock lock(mutex_);
  Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return requests_.size() >= count; });
}

void TestCollector::AwaitSpans(size_t count) const {
  const MutexLock lock(mutex_);
  Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return spans_.size() >= count; });
}

void TestCollector::AwaitSpan(const std::string& name) const {
  const MutexLock lock(mutex_);
  Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::any_of(spans_.begin(), spans_.end(), [&](const otlp::Span& span) { return span.name() == name; });
  });
}

std::string AttributeOf(const otlp::Span& span, const std::string& name) {
  return Find(span, name);
}

std::string AttributeOf(const otlp::Resource& resource, const std::string& name) {
  return Find(resource, name);
}

}  // namespace crisp
