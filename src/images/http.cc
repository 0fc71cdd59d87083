#include "images/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr size_t kHeadersLimit = 256 << 10;
constexpr long kReceiveBuffer = 512 << 10;  // libcurl's maximum, for the fewest calls

void InitOnce() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) std::abort();
}

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
    case CURLE_SSL_CACERT_BADFILE:
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

struct HeaderList {
  ~HeaderList() { curl_slist_free_all(list); }
  void Add(const std::string& header) { list = curl_slist_append(list, header.c_str()); }
  curl_slist* list = nullptr;
};

}  // namespace

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

  absl::StatusOr<HttpResponse> Do(const HttpRequest& request, const HttpTimes& times, const CallContext& call) {
    Transfer transfer{.request = &request, .easy = easy_, .response = {}, .stopped = {}};
    HeaderList headers;
    headers.Add("Accept-Encoding: identity");
    headers.Add("Expect:");
    for (const std::string& header : request.headers) headers.Add(header);
    SetUp(request, times, headers.list, &transfer);
    curl_multi_add_handle(multi_, easy_);
    const absl::Status ended = Run(times, call, &transfer);
    curl_multi_remove_handle(multi_, easy_);
    curl_easy_reset(easy_);
    RETURN_IF_ERROR(ended);
    RETURN_IF_ERROR(transfer.Begin());  // for a response without a body
    return std::move(transfer.response);
  }

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_, option, value);
  }

  void SetUp(const HttpRequest& request, const HttpTimes& times, curl_slist* headers, Transfer* transfer) {
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
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(times.connect.count()));
    Set(CURLOPT_USERAGENT, "crisp/" CRISP_VERSION);
    Set(CURLOPT_HTTPHEADER, headers);
    SetUpProxy(request.url);
    if (request.method == "HEAD") Set(CURLOPT_NOBODY, 1L);
    if (request.method == "POST") {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      Set(CURLOPT_POSTFIELDS, request.body.c_str());
    }
    SetUpTls(request.tls);
    Set(CURLOPT_WRITEFUNCTION, &OnBody);
    Set(CURLOPT_WRITEDATA, transfer);
    Set(CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(CURLOPT_HEADERDATA, transfer);
  }

  // libcurl ignores HTTP_PROXY in the environment, because a CGI client can set it. crisp is not a CGI program, and the
  // Go programs for which nodes are configured read HTTP_PROXY.
  void SetUpProxy(const Url& url) {
    if (url.IsLoopback()) return Set(CURLOPT_PROXY, "");
    const char* const proxy = getenv("http_proxy") == nullptr ? getenv("HTTP_PROXY") : nullptr;
    if (url.scheme == "http" && proxy != nullptr) Set(CURLOPT_PROXY, proxy);
  }

  void SetUpTls(const RegistryTls& tls) {
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (tls.insecure_skip_verify) {
      Set(CURLOPT_SSL_VERIFYPEER, 0L);
      Set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!tls.ca_file.empty()) Set(CURLOPT_CAINFO, tls.ca_file.c_str());
    if (!tls.cert_file.empty()) Set(CURLOPT_SSLCERT, tls.cert_file.c_str());
    if (!tls.key_file.empty()) Set(CURLOPT_SSLKEY, tls.key_file.c_str());
  }

  absl::Status Run(const HttpTimes& times, const CallContext& call, Transfer* transfer) {
    for (;;) {
      RETURN_IF_ERROR(call.Check());
      int running = 0;
      if (const CURLMcode code = curl_multi_perform(multi_, &running); code != CURLM_OK) {
        return absl::InternalError(curl_multi_strerror(code));
      }
      if (running == 0) return Result(*transfer);
      const MonoTime stalled = transfer->last_byte + times.stall;
      const MonoTime now = MonoClock::now();
      if (now >= stalled) {
        return absl::UnavailableError(absl::StrCat(
            "no byte for ", std::chrono::duration_cast<std::chrono::milliseconds>(times.stall).count(), " ms"));
      }
      const auto wait = std::min(call.NextLook(), stalled) - now;
      const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::clamp<int64_t>(milliseconds, 0, 60000)), nullptr);
    }
  }

  absl::Status Result(const Transfer& transfer) {
    CURLcode code = CURLE_RECV_ERROR;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    }
    if (!transfer.stopped.ok()) return transfer.stopped;
    if (code == CURLE_OK) return absl::OkStatus();
    const std::string text = absl::StrCat(error_[0] != '\0' ? error_ : curl_easy_strerror(code), OsError());
    return IsPermanent(code) ? absl::FailedPreconditionError(text) : absl::UnavailableError(text);
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

HttpClient::HttpClient(HttpTimes times) : times_(times) {
  InitOnce();
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

absl::StatusOr<HttpResponse> HttpClient::Do(const HttpRequest& request, const CallContext& call) {
  std::unique_ptr<Connection> connection = Borrow();
  absl::StatusOr<HttpResponse> response = connection->Do(request, times_, call);
  Return(std::move(connection));
  return response;
}

}  // namespace crisp
