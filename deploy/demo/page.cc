#include "deploy/demo/page.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

constexpr std::chrono::milliseconds kBetweenTries{5};
constexpr long kTryTimeoutMs = 2000;

size_t Append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

CURLcode FetchOnce(const std::string& url, std::string* body) {
  const std::unique_ptr<CURL, CurlDeleter> curl(curl_easy_init());
  body->clear();
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kTryTimeoutMs);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, body);
  return curl_easy_perform(curl.get());
}

}  // namespace

absl::StatusOr<std::string> FetchPage(const std::string& url, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  std::string body;
  for (;;) {
    const CURLcode code = FetchOnce(url, &body);
    if (code == CURLE_OK) return body;
    if (std::chrono::steady_clock::now() >= end) {
      return absl::UnavailableError(absl::StrCat("fetch ", url, ": ", curl_easy_strerror(code)));
    }
    std::this_thread::sleep_for(kBetweenTries);
  }
}

absl::StatusOr<int> FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof(address);
  const bool found = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!found) return absl::UnavailableError("this machine has no free TCP port");
  return ntohs(address.sin_port);
}

}  // namespace crisp
