#include "tracing/collector.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/excerpt.h"
#include "base/init_curl.h"
#include "tracing/otlp_message.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMostAnswer = 64 << 10;  // bytes of an answer that are read
constexpr std::chrono::seconds kMostRetryAfter{3600};

template <typename T>
void Set(void* easy, CURLoption option, T value) {
  curl_easy_setopt(easy, option, value);
}

// More of an answer is read and dropped.
size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto* const body = static_cast<std::string*>(user);
  body->append(data, std::min(size * count, kMostAnswer - body->size()));
  return size * count;
}

// OTLP/HTTP, "Failures": the others are not to be tried again.
bool IsRetryable(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

struct Collector::Answer {
  long status = 0;
  std::string body;
  curl_off_t retry_after = 0;  // seconds
};

Collector::Collector(CollectorOptions options)
    : options_(std::move(options)),
      proxy_(ProxyRules::FromEnvironment().ProxyFor(options_.url)),
      error_buffer_(CURL_ERROR_SIZE, '\0') {
  InitCurl();
  multi_ = curl_multi_init();
  easy_ = curl_easy_init();
  if (multi_ == nullptr || easy_ == nullptr) std::abort();
  auto* list = curl_slist_append(nullptr, "Content-Type: application/x-protobuf");
  list = curl_slist_append(list, "Expect:");
  for (const std::string& header : options_.headers) list = curl_slist_append(list, header.c_str());
  headers_ = list;
}

Collector::~Collector() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
  curl_slist_free_all(static_cast<curl_slist*>(headers_));
}

void Collector::EndBy(MonoTime end) {
  end_ = end;
  curl_multi_wakeup(multi_);
}

Delivery Collector::Send(const std::string& body) {
  Answer answer;
  SetUp(body, &answer);
  SetUpTls();
  curl_multi_add_handle(multi_, easy_);
  const std::string error = Transfer(MonoClock::now() + options_.timeout);
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &answer.retry_after);
  curl_multi_remove_handle(multi_, easy_);
  curl_easy_reset(easy_);
  if (error.empty()) return Judge(answer);
  Delivery failed;
  failed.outcome = Delivery::Outcome::kTryAgain;
  failed.error = error;
  return failed;
}

void Collector::SetUp(const std::string& body, Answer* answer) {
  error_buffer_[0] = '\0';
  Set(easy_, CURLOPT_ERRORBUFFER, error_buffer_.data());
  Set(easy_, CURLOPT_URL, options_.url.String().c_str());
  Set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(easy_, CURLOPT_NOSIGNAL, 1L);
  Set(easy_, CURLOPT_QUICK_EXIT, 1L);  // an end does not wait for a resolver that hangs
  Set(easy_, CURLOPT_USERAGENT, "crisp/" CRISP_VERSION);
  Set(easy_, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(headers_));
  // Set even if empty, so that libcurl does not read the environment by its own rules.
  Set(easy_, CURLOPT_PROXY, proxy_.c_str());
  Set(easy_, CURLOPT_NOPROXY, "");
  Set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  Set(easy_, CURLOPT_POSTFIELDS, body.c_str());
  Set(easy_, CURLOPT_WRITEFUNCTION, &OnBody);
  Set(easy_, CURLOPT_WRITEDATA, &answer->body);
}

void Collector::SetUpTls() {
  Set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options_.ca_file.empty()) Set(easy_, CURLOPT_CAINFO, options_.ca_file.c_str());
  if (!options_.client_certificate.empty()) Set(easy_, CURLOPT_SSLCERT, options_.client_certificate.c_str());
  if (!options_.client_key.empty()) Set(easy_, CURLOPT_SSLKEY, options_.client_key.c_str());
}

// By a multi handle: libcurl's blocking call could not be ended from outside.
std::string Collector::Transfer(MonoTime deadline) {
  while (true) {
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi_, &running); code != CURLM_OK) return curl_multi_strerror(code);
    if (running == 0) break;
    const MonoTime now = MonoClock::now();
    const MonoTime end = std::min(deadline, end_.load());
    if (now >= end) return end == deadline ? "no answer in time" : "crispd is ending";
    curl_multi_poll(multi_, nullptr, 0, PollMillis(end), nullptr);
  }
  CURLcode code = CURLE_RECV_ERROR;
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  return code == CURLE_OK ? "" : ErrorOf(code);
}

std::string Collector::ErrorOf(int code) {
  return error_buffer_[0] != '\0' ? error_buffer_.c_str() : curl_easy_strerror(static_cast<CURLcode>(code));
}

Delivery Collector::Judge(const Answer& answer) {
  Delivery delivery;
  if (answer.status >= 200 && answer.status < 300) {
    const PartialSuccess partial = ReadOtlpResponse(answer.body);
    delivery.rejected = partial.rejected;
    if (partial.rejected > 0) delivery.error = absl::StrCat("it rejected spans: ", partial.error);
    return delivery;
  }
  delivery.outcome = IsRetryable(answer.status) ? Delivery::Outcome::kTryAgain : Delivery::Outcome::kRefused;
  delivery.error = absl::StrCat("HTTP status ", answer.status);
  if (answer.retry_after > 0) {
    delivery.retry_after = std::min(std::chrono::seconds(answer.retry_after), kMostRetryAfter);
  }
  return delivery;
}

}  // namespace crisp
