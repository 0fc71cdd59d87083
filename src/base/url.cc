#include "base/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/excerpt.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

absl::Status NotAUrl(absl::string_view text) {
  const std::string shown = Excerpt(WithoutUserInfo(text.substr(0, text.find('?'))));
  return absl::InvalidArgumentError(absl::StrCat("\"", shown, "\" is not an http:// or https:// URL with a host"));
}

// Empty if the URL does not have that part.
std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string result(text);
  curl_free(text);
  return result;
}

absl::StatusOr<Url> Split(CURLU* handle, absl::string_view text) {
  Url url;
  url.scheme = absl::AsciiStrToLower(Part(handle, CURLUPART_SCHEME));
  url.host = absl::AsciiStrToLower(Part(handle, CURLUPART_HOST));
  if (const std::string port = Part(handle, CURLUPART_PORT); !port.empty()) absl::StrAppend(&url.host, ":", port);
  url.path = Part(handle, CURLUPART_PATH);
  if (url.path == "/") url.path.clear();
  url.query = Part(handle, CURLUPART_QUERY);
  url.has_user_info = !Part(handle, CURLUPART_USER).empty() || !Part(handle, CURLUPART_PASSWORD).empty();
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty()) return NotAUrl(text);
  return url;
}

// libcurl accepts control characters in some parts of a URL. In a request line they would begin another header.
bool HasControl(absl::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return true;
  }
  return false;
}

absl::Status Set(CURLU* handle, absl::string_view text) {
  if (HasControl(text) || curl_url_set(handle, CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) {
    return NotAUrl(text);
  }
  return absl::OkStatus();
}

// `text` with what no URL can have percent-encoded. Control characters stay, and are refused later.
std::string Encoded(absl::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == ' ' || byte >= 0x80) {
      absl::StrAppend(&result, "%", absl::AsciiStrToUpper(absl::StrCat(absl::Hex(byte, absl::kZeroPad2))));
    } else {
      result.push_back(c);
    }
  }
  return result;
}

bool HostHasPort(absl::string_view host) {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  return colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket);
}

}  // namespace

std::string Url::String() const {
  return absl::StrCat(scheme, "://", host, path, query.empty() ? "" : "?", query);
}

std::string Url::Origin() const {
  return absl::StrCat(scheme, "://", host, HasPort() ? "" : scheme == "https" ? ":443" : ":80");
}

std::string Url::Printable() const {
  return absl::StrCat(scheme, "://", host, path);
}

bool Url::IsLoopback() const {
  return IsLoopbackHost(host);
}

std::string Url::HostName() const {
  absl::string_view name = host;
  if (HasPort()) name = name.substr(0, name.rfind(':'));
  if (absl::ConsumePrefix(&name, "[")) absl::ConsumeSuffix(&name, "]");
  return std::string(name);
}

std::string Url::Port() const {
  if (HasPort()) return host.substr(host.rfind(':') + 1);
  return scheme == "https" ? "443" : "80";
}

bool Url::HasPort() const {
  return HostHasPort(host);
}

absl::StatusOr<Url> ParseUrl(absl::string_view text) {
  // libcurl takes one to three slashes, so that a path would become the host.
  const size_t scheme = text.find("://");
  if (scheme == absl::string_view::npos || absl::StartsWith(text.substr(scheme + 3), "/")) return NotAUrl(text);
  Handle handle(curl_url(), curl_url_cleanup);
  RETURN_IF_ERROR(Set(handle.get(), text));
  return Split(handle.get(), text);
}

absl::StatusOr<Url> ParseUrlOrHost(absl::string_view text) {
  if (absl::StrContains(text, "://")) return ParseUrl(text);
  return ParseUrl(absl::StrCat(IsLoopbackHost(text.substr(0, text.find('/'))) ? "http://" : "https://", text));
}

absl::StatusOr<Url> ResolveUrl(const Url& base, absl::string_view location) {
  Handle handle(curl_url(), curl_url_cleanup);
  RETURN_IF_ERROR(Set(handle.get(), base.String()));
  RETURN_IF_ERROR(Set(handle.get(), Encoded(absl::StripAsciiWhitespace(location))));
  return Split(handle.get(), location);
}

bool SameHost(const Url& a, const Url& b) {
  const auto is_default = [](const Url& url) { return url.Port() == (url.scheme == "https" ? "443" : "80"); };
  return a.HostName() == b.HostName() && (a.Port() == b.Port() || (is_default(a) && is_default(b)));
}

std::string PercentEncode(absl::string_view text) {
  char* escaped = curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
  std::string result(escaped == nullptr ? "" : escaped);
  curl_free(escaped);
  return result;
}

std::string PercentDecode(absl::string_view text) {
  int length = 0;
  char* plain = curl_easy_unescape(nullptr, text.data(), static_cast<int>(text.size()), &length);
  std::string result(plain == nullptr ? "" : plain, static_cast<size_t>(length));
  curl_free(plain);
  return result;
}

bool IsLoopbackHost(absl::string_view host) {
  if (HostHasPort(host)) host = host.substr(0, host.rfind(':'));
  in_addr address{};
  const bool is_ipv4 = inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
  return host == "localhost" || host == "[::1]" || (is_ipv4 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET);
}

std::string WithoutUserInfo(absl::string_view text) {
  const size_t scheme = text.find("://");
  const size_t begin = scheme == absl::string_view::npos ? 0 : scheme + 3;
  const size_t end = text.find_first_of("/?#", begin);
  const size_t at = text.substr(0, end).rfind('@');
  if (at == absl::string_view::npos || at < begin) return std::string(text);
  return absl::StrCat(text.substr(0, begin), "***", text.substr(at));
}

}  // namespace crisp
