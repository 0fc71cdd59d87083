#include "images/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/init_curl.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

constexpr size_t kHeadersLimit = 256 << 10;
constexpr long kReceiveBuffer = 512 << 10;   // libcurl's maximum, for the fewest calls
constexpr milliseconds kProxyAnswer{60000};  // for a proxy to connect to the peer

// The state of one request, for libcurl's callbacks.
struct Transfer {
  const HttpRequest* request;
  CURL* easy;
  HttpResponse response;
  absl::Status stopped;  // why a callback ended the transfer
  size_t header_bytes = 0;
  bool begun = false;
  MonoTime last_byte = MonoClock::now();

  bool Streams() const { return request->sink && (response.status == 200 || response.status == 206); }

  absl::Status Begin() {
    if (begun) return absl::OkStatus();
    begun = true;
    return request->begin ? request->begin(response) : absl::OkStatus();
  }

  absl::Status Take(absl::string_view bytes) {
    RETURN_IF_ERROR(Begin());
    if (Streams()) return request->sink(bytes);
    if (response.body.size() + bytes.size() > request->body_limit) {
      return absl::InternalError(absl::StrCat("the response is larger than ", request->body_limit, " bytes"));
    }
    response.body.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  absl::Status TakeHeader(absl::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kHeadersLimit) {
      return absl::InternalError("the response's headers are too large");
    }
    if (absl::StartsWith(line, "HTTP/")) {  // a new head, for example after one with 100 Continue
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      response.status = static_cast<int>(status);
      response.headers.clear();
      return absl::OkStatus();
    }
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) return absl::OkStatus();
    response.headers.emplace(absl::AsciiStrToLower(line.substr(0, colon)),
                             absl::StripAsciiWhitespace(line.substr(colon + 1)));
    return absl::OkStatus();
  }
};

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->stopped = transfer->Take(absl::string_view(data, size * count));
  // Set after the sink returns: time that the sink spends waiting does not count as silence of the peer.
  transfer->last_byte = MonoClock::now();
  return transfer->stopped.ok() ? size * count : CURL_WRITEFUNC_ERROR;
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->last_byte = MonoClock::now();
  transfer->stopped = transfer->TakeHeader(absl::string_view(data, size * count));
  return transfer->stopped.ok() ? size * count : 0;
}

bool IsPermanent(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
      return true;
    default:
      return false;
  }
}

// Kinds of errors, as payloads of a status.
constexpr absl::string_view kStall = "crisp/stall";
constexpr absl::string_view kNotConnected = "crisp/not-connected";
constexpr absl::string_view kNotTls = "crisp/not-tls";

bool Has(const absl::Status& status, absl::string_view kind) {
  return status.GetPayload(kind).has_value();
}

absl::Status OfKind(absl::Status status, absl::string_view kind) {
  status.SetPayload(kind, absl::Cord());
  return status;
}

// Whether libcurl's text of a failed handshake is that of a peer that does not speak TLS: it answered with something
// else, or hung up. A peer that refuses the handshake sends an alert instead.
bool SpeaksNoTls(absl::string_view error) {
  for (const char* text : {"wrong version number", "packet length too long", "SSL_ERROR_SYSCALL",
                           "unexpected eof while reading", "reset by peer"}) {
    if (absl::StrContains(error, text)) return true;
  }
  return false;
}

// For traces. Paths are left out: those of signed links are secret.
SpanPart PartOf(const HttpRequest& request, int status, MonoTime begun) {
  SpanPart part = {absl::StrCat("registry ", request.method), begun, MonoClock::now()};
  part.fields = {{"http_method", request.method}, {"server", request.url.HostName()}};
  if (status != 0) part.fields.emplace_back("http_status", absl::StrCat(status));
  return part;
}

// The server's own certificate, which is the first of its chain.
ServerCertificate CertificateOf(CURL* easy) {
  ServerCertificate certificate;
  curl_certinfo* chain = nullptr;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == nullptr) return certificate;
  if (chain->num_of_certs == 0) return certificate;
  for (const curl_slist* line = chain->certinfo[0]; line != nullptr; line = line->next) {
    absl::string_view text = line->data;
    if (absl::ConsumePrefix(&text, "Subject:")) certificate.subject = std::string(text);
    if (absl::ConsumePrefix(&text, "Issuer:")) certificate.issuer = std::string(text);
    if (absl::ConsumePrefix(&text, "Expire date:")) certificate.end = std::string(text);
  }
  return certificate;
}

struct HeaderList {
  ~HeaderList() { curl_slist_free_all(list); }
  void Add(const std::string& header) { list = curl_slist_append(list, header.c_str()); }
  curl_slist* list = nullptr;
};

}  // namespace

// How far a request is, and until when it may stay there.
class HttpClient::Phase {
 public:
  Phase(const HttpRequest& request, const HttpTimes& times, bool proxied)
      : request_(request), times_(times), proxied_(proxied) {}

  bool connected() const { return connected_; }
  MonoTime end() const { return end_; }
  // What has happened if `end` has passed.
  absl::Status Error() const {
    return OfKind(absl::UnavailableError(absl::StrCat(what_, " ", limit_.count(), " ms")), kind_);
  }

  void Look(CURL* easy, const Transfer& transfer) {
    const auto passed = [easy](CURLINFO info) {
      curl_off_t micros = 0;
      return curl_easy_getinfo(easy, info, &micros) == CURLE_OK && micros > 0;
    };
    const bool sent = passed(CURLINFO_PRETRANSFER_TIME_T);  // also on a connection that was there before
    if (!connected_ && (sent || passed(CURLINFO_CONNECT_TIME_T))) {
      connected_ = true;
      since_ = MonoClock::now();
    }
    if (!secured_ && (sent || (connected_ && request_.url.scheme == "http"))) {
      secured_ = true;
      since_ = MonoClock::now();
    }
    if (!connected_) return Limit(start_, times_.connect, "no connection within", kNotConnected);
    if (!secured_) return Limit(since_, Handshake(), "no TLS handshake within", kNotTls);
    const bool answered = transfer.response.status != 0;
    if (!answered && request_.answer.count() > 0) return Limit(since_, request_.answer, "no answer for", kStall);
    Limit(std::max(since_, transfer.last_byte), times_.stall, "no byte for", kStall);
  }

 private:
  milliseconds Handshake() const {
    return times_.handshake.count() == 0 || !proxied_ ? times_.handshake : times_.handshake + kProxyAnswer;
  }

  void Limit(MonoTime from, milliseconds limit, absl::string_view what, absl::string_view kind) {
    end_ = limit.count() == 0 ? kNoDeadline : from + limit;
    limit_ = limit;
    what_ = what;
    kind_ = kind;
  }

  const HttpRequest& request_;
  const HttpTimes& times_;
  const bool proxied_;
  const MonoTime start_ = MonoClock::now();
  bool connected_ = false;
  bool secured_ = false;     // or without TLS
  MonoTime since_ = start_;  // of the last of the two
  MonoTime end_ = kNoDeadline;
  milliseconds limit_{0};
  absl::string_view what_, kind_;
};

// An easy handle with a multi handle of its own, because libcurl's blocking call notices a cancelled caller only once a
// second. The multi handle keeps connections open for later requests.
class HttpClient::Connection {
 public:
  Connection() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
    if (multi_ == nullptr || easy_ == nullptr) std::abort();
  }
  ~Connection() {
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `proxy`: its URL, empty for none. `tls` may be null for a request without TLS. Sets `status`, also if the response
  // breaks off; 0 without one.
  absl::StatusOr<HttpResponse> Do(const HttpRequest& request, const HttpTimes& times, const std::string& proxy,
                                  const TlsStore::Material* tls, const CallContext& call, int* status) {
    Transfer transfer{.request = &request, .easy = easy_, .response = {}, .stopped = {}};
    HeaderList headers;
    headers.Add("Accept-Encoding: identity");
    headers.Add("Expect:");
    for (const std::string& header : request.headers) headers.Add(header);
    SetUp(request, times, proxy, headers.list, &transfer);
    SetUpTls(request.tls, tls);
    curl_multi_add_handle(multi_, easy_);
    const absl::Status ended = Run(request, times, !proxy.empty(), call, &transfer);
    curl_multi_remove_handle(multi_, easy_);
    if (request.wants_certificate) transfer.response.certificate = CertificateOf(easy_);
    curl_easy_reset(easy_);
    *status = transfer.response.status;
    RETURN_IF_ERROR(ended);
    RETURN_IF_ERROR(transfer.Begin());  // for a response without a body
    return std::move(transfer.response);
  }

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_, option, value);
  }

  void SetUp(const HttpRequest& request, const HttpTimes& times, const std::string& proxy, curl_slist* headers,
             Transfer* transfer) {
    error_[0] = '\0';
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_URL, request.url.String().c_str());
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_PATH_AS_IS, 1L);
    Set(CURLOPT_HTTP09_ALLOWED, 0L);
    Set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
    Set(CURLOPT_TCP_KEEPALIVE, 1L);
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(ConnectLimit(times, !proxy.empty()).count()));
    Set(CURLOPT_USERAGENT, "crisp/" CRISP_VERSION);
    Set(CURLOPT_HTTPHEADER, headers);
    // Set even if empty, so that libcurl does not read the environment by its own rules.
    Set(CURLOPT_PROXY, proxy.c_str());
    Set(CURLOPT_NOPROXY, "");
    if (request.wants_certificate) Set(CURLOPT_CERTINFO, 1L);
    if (request.method == "HEAD") Set(CURLOPT_NOBODY, 1L);
    if (request.method == "POST") {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      Set(CURLOPT_POSTFIELDS, request.body.c_str());
    }
    Set(CURLOPT_WRITEFUNCTION, &OnBody);
    Set(CURLOPT_WRITEDATA, transfer);
    Set(CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(CURLOPT_HEADERDATA, transfer);
  }

  // libcurl's own limit for TCP, the proxy and TLS together, which it divides among the addresses of a host. The limits
  // of each step are those of Phase.
  static milliseconds ConnectLimit(const HttpTimes& times, bool proxied) {
    if (times.connect.count() == 0 || times.handshake.count() == 0) return std::chrono::hours(1);
    return times.connect + times.handshake + (proxied ? kProxyAnswer : milliseconds(0));
  }

  void SetUpTls(const RegistryTls& tls, const TlsStore::Material* material) {
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (tls.insecure_skip_verify) {
      Set(CURLOPT_SSL_VERIFYPEER, 0L);
      Set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (material == nullptr) return;
    for (const CURLoption option : {CURLOPT_CAINFO, CURLOPT_CAPATH, CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAPATH}) {
      Set(option, nullptr);
    }
    const auto apply = [](CURL*, void* context, void* user) {
      TlsStore::Apply(*static_cast<const TlsStore::Material*>(user), static_cast<ssl_ctx_st*>(context));
      return CURLE_OK;
    };
    Set(CURLOPT_SSL_CTX_FUNCTION, static_cast<CURLcode (*)(CURL*, void*, void*)>(apply));
    Set(CURLOPT_SSL_CTX_DATA, const_cast<TlsStore::Material*>(material));
  }

  absl::Status Run(const HttpRequest& request, const HttpTimes& times, bool proxied, const CallContext& call,
                   Transfer* transfer) {
    Phase phase(request, times, proxied);
    for (;;) {
      RETURN_IF_ERROR(call.Check());
      int running = 0;
      if (const CURLMcode code = curl_multi_perform(multi_, &running); code != CURLM_OK) {
        return absl::InternalError(curl_multi_strerror(code));
      }
      if (running == 0) return Result(phase, *transfer);
      phase.Look(easy_, *transfer);
      const MonoTime now = MonoClock::now();
      if (now >= phase.end()) return phase.Error();
      const auto wait = std::min(call.NextLook(), phase.end()) - now;
      const auto wait_millis = std::chrono::ceil<milliseconds>(wait).count();
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::clamp<int64_t>(wait_millis, 0, 60000)), nullptr);
    }
  }

  absl::Status Result(const Phase& phase, const Transfer& transfer) {
    CURLcode code = CURLE_RECV_ERROR;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    }
    if (!transfer.stopped.ok()) return transfer.stopped;
    if (code == CURLE_OK) return absl::OkStatus();
    const std::string text = absl::StrCat(error_[0] != '\0' ? error_ : curl_easy_strerror(code), OsError());
    if (IsPermanent(code)) return absl::FailedPreconditionError(text);
    if (code == CURLE_SSL_CONNECT_ERROR && SpeaksNoTls(text)) {
      return OfKind(absl::UnavailableError(absl::StrCat("TLS handshake: ", text)), kNotTls);
    }
    const absl::Status status = absl::UnavailableError(text);
    return phase.connected() ? status : OfKind(status, kNotConnected);
  }

  // The text of the errno, such as ": Connection refused", unless libcurl's text has it.
  std::string OsError() {
    long error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &error);
    const std::string text = std::generic_category().message(static_cast<int>(error));
    return error == 0 || absl::StrContains(error_, text) ? "" : absl::StrCat(": ", text);
  }

  CURLM* multi_;
  CURL* easy_;
  char error_[CURL_ERROR_SIZE];
};

std::string HttpResponse::Header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? "" : it->second;
}

bool HttpResponse::IsRedirect() const {
  const bool redirects = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  return redirects && !Header("location").empty();
}

bool IsStall(const absl::Status& status) {
  return Has(status, kStall);
}

bool IsNotConnected(const absl::Status& status) {
  return Has(status, kNotConnected);
}

bool IsNotTls(const absl::Status& status) {
  return Has(status, kNotTls);
}

HttpClient::HttpClient(HttpTimes times, TlsStore* tls, ImageCounters* counters)
    : times_(times), tls_(tls), counters_(counters) {
  InitCurl();
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Connection> HttpClient::Borrow() {
  MutexLock lock(mutex_);
  if (idle_.empty()) return std::make_unique<Connection>();
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void HttpClient::Return(std::unique_ptr<Connection> connection) {
  MutexLock lock(mutex_);
  idle_.push_back(std::move(connection));
}

void HttpClient::Count(const Url& url, int status) {
  counters_->requests.Of(url.host).codes.Of(status == 0 ? "none" : absl::StrCat(status)).Add();
}

absl::StatusOr<HttpResponse> HttpClient::Do(const HttpRequest& request, const CallContext& call) {
  const std::string proxy = proxies_.ProxyFor(request.url);
  const TlsStore::Material* tls = nullptr;
  if (request.url.scheme == "https" || absl::StartsWith(proxy, "https:")) {
    ASSIGN_OR_RETURN(tls, tls_->Get(request.tls));
  }
  const MonoTime begun = MonoClock::now();
  std::unique_ptr<Connection> connection = Borrow();
  int status = 0;
  absl::StatusOr<HttpResponse> response = connection->Do(request, times_, proxy, tls, call, &status);
  Count(request.url, status);
  if (call.IsRecorded()) call.AddPart(PartOf(request, status, begun));
  Return(std::move(connection));
  return response;
}

}  // namespace crisp
