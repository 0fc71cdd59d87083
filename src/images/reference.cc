#include "images/reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/images.h"

namespace crisp {
namespace {

constexpr absl::string_view kDefaultDomain = "docker.io";
constexpr absl::string_view kLegacyDefaultDomain = "index.docker.io";
constexpr absl::string_view kOfficialRepository = "library/";
constexpr size_t kNameLimit = 255;  // of domain and path together
constexpr size_t kTagLimit = 128;
constexpr size_t kReferenceLimit = 2048;  // nothing longer can be valid
constexpr size_t kQuoteLimit = 300;

absl::Status Wrong(absl::string_view part, absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(part, " \"", absl::CHexEscape(text.substr(0, kQuoteLimit)), "\" ", why));
}

bool IsLowerOrDigit(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c));
}
bool IsAlnum(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c));
}
bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

// One separator between two runs of letters and digits: ".", "_", "__" or any number of "-".
bool IsSeparator(absl::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         (!text.empty() && text.find_first_not_of('-') == absl::string_view::npos);
}

absl::Status CheckPathComponent(absl::string_view component) {
  if (component.empty()) return Wrong("the path", "", "has an empty component (\"//\", or \"/\" at an end)");
  if (!IsLowerOrDigit(component.front()) || !IsLowerOrDigit(component.back())) {
    return Wrong("the path component", component, "must begin and end with a lower-case letter or a digit");
  }
  size_t at = 0;
  while (at < component.size()) {
    size_t end = at;
    while (end < component.size() && IsLowerOrDigit(component[end])) ++end;
    size_t next = end;
    while (next < component.size() && !IsLowerOrDigit(component[next])) ++next;
    if (next > end && !IsSeparator(component.substr(end, next - end))) {
      return Wrong("the path component", component,
                   "has something other than lower-case letters and digits with \".\", \"_\", \"__\" or \"-\" between");
    }
    at = next;
  }
  return absl::OkStatus();
}

absl::Status CheckPath(absl::string_view path) {
  for (absl::string_view component : absl::StrSplit(path, '/')) RETURN_IF_ERROR(CheckPathComponent(component));
  return absl::OkStatus();
}

absl::Status CheckHostName(absl::string_view host) {
  for (absl::string_view label : absl::StrSplit(host, '.')) {
    const bool good = !label.empty() && IsAlnum(label.front()) && IsAlnum(label.back()) &&
                      std::all_of(label.begin(), label.end(), [](char c) { return IsAlnum(c) || c == '-'; });
    if (!good) return Wrong("the registry host", host, "is not a host name");
  }
  return absl::OkStatus();
}

absl::Status CheckIpv6(absl::string_view host) {
  const absl::string_view inner = host.substr(1, host.size() - 2);
  const bool good = !inner.empty() && absl::StrContains(inner, ":") &&
                    std::all_of(inner.begin(), inner.end(),
                                [](char c) { return c == ':' || absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
  return good ? absl::OkStatus() : Wrong("the registry host", host, "is not an IPv6 address");
}

absl::Status CheckDomain(absl::string_view domain) {
  absl::string_view host = domain;
  const size_t bracket = domain.rfind(']');
  const size_t colon = domain.rfind(':');
  if (colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket)) {
    const absl::string_view port = domain.substr(colon + 1);
    int number = 0;
    if (!AllDigits(port) || port.size() > 5 || !absl::SimpleAtoi(port, &number) || number < 1 || number > 65535) {
      return Wrong("the registry port", port, "is not a number from 1 to 65535");
    }
    host = domain.substr(0, colon);
  }
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) return CheckIpv6(host);
  return CheckHostName(host);
}

absl::Status CheckTag(absl::string_view tag) {
  if (tag.empty()) return Wrong("the tag", tag, "is empty");
  if (tag.size() > kTagLimit) {
    return Wrong("the tag", tag, absl::StrCat("is longer than ", kTagLimit, " characters"));
  }
  const bool good = (IsAlnum(tag.front()) || tag.front() == '_') && std::all_of(tag.begin(), tag.end(), [](char c) {
                      return IsAlnum(c) || c == '_' || c == '.' || c == '-';
                    });
  if (!good) return Wrong("the tag", tag, "has something other than letters, digits, \"_\", \".\" and \"-\"");
  return absl::OkStatus();
}

bool IsDomainInAnyCase(absl::string_view first) {
  return absl::StrContains(first, ".") || absl::StrContains(first, ":") || absl::EqualsIgnoreCase(first, "localhost");
}

// The first component names a registry only if it cannot be part of a path on Docker Hub.
bool LooksLikeDomain(absl::string_view first) {
  return IsDomainInAnyCase(first) || std::any_of(first.begin(), first.end(), [](char c) {
           return absl::ascii_isupper(static_cast<unsigned char>(c));
         });
}

void SplitDomain(absl::string_view name, Reference* reference) {
  const size_t slash = name.find('/');
  if (slash != absl::string_view::npos && LooksLikeDomain(name.substr(0, slash))) {
    reference->domain = std::string(name.substr(0, slash));
    if (IsDomainInAnyCase(reference->domain)) absl::AsciiStrToLower(&reference->domain);
    reference->path = std::string(name.substr(slash + 1));
  } else {
    reference->domain = std::string(kDefaultDomain);
    reference->path = std::string(name);
  }
  if (reference->domain == kLegacyDefaultDomain) reference->domain = std::string(kDefaultDomain);
  if (reference->domain == kDefaultDomain && !absl::StrContains(reference->path, "/")) {
    reference->path.insert(0, kOfficialRepository.data(), kOfficialRepository.size());
  }
}

bool IsBareId(absl::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsLowerOrDigit(c) && c <= 'f'; });
}

absl::StatusOr<Reference> Parse(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("it is empty");
  if (text.size() > kReferenceLimit) return absl::InvalidArgumentError("it is too long");
  if (IsBareId(text)) return absl::InvalidArgumentError("64 hex digits are an image id, not a name");

  Reference reference;
  absl::string_view rest = text;
  if (const size_t at = rest.find('@'); at != absl::string_view::npos) {
    reference.digest = std::string(rest.substr(at + 1));
    RETURN_IF_ERROR(CheckDigest(reference.digest), "the digest \"",
                    absl::CHexEscape(rest.substr(at + 1).substr(0, kQuoteLimit)), "\"");
    rest = rest.substr(0, at);
  }
  const size_t colon = rest.rfind(':');
  const size_t slash = rest.rfind('/');
  // A colon before the last slash is a port's.
  if (colon != absl::string_view::npos && (slash == absl::string_view::npos || colon > slash)) {
    reference.tag = std::string(rest.substr(colon + 1));
    RETURN_IF_ERROR(CheckTag(reference.tag));
    rest = rest.substr(0, colon);
  }
  SplitDomain(rest, &reference);
  RETURN_IF_ERROR(CheckDomain(reference.domain));
  RETURN_IF_ERROR(CheckPath(reference.path));
  if (const size_t length = reference.Name().size(); length > kNameLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat("the name has ", length, " characters, more than the ", kNameLimit, " that registries allow"));
  }
  if (!reference.digest.empty()) {
    reference.tag.clear();
  } else if (reference.tag.empty()) {
    reference.tag = "latest";
  }
  return reference;
}

}  // namespace

std::string Reference::Name() const {
  return absl::StrCat(domain, "/", path);
}

std::string Reference::String() const {
  return digest.empty() ? absl::StrCat(Name(), ":", tag) : absl::StrCat(Name(), "@", digest);
}

absl::StatusOr<Reference> ParseReference(absl::string_view text) {
  ASSIGN_OR_RETURN(Reference reference, Parse(text), "invalid image reference \"",
                   absl::CHexEscape(text.substr(0, kQuoteLimit)), "\"");
  return reference;
}

absl::StatusOr<std::string> NormalizeReference(const std::string& reference) {
  ASSIGN_OR_RETURN(Reference parsed, ParseReference(reference));
  return parsed.String();
}

}  // namespace crisp
