#include "network/pod_cidrs.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/excerpt.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kMaxFile = 1 << 16;

absl::StatusOr<std::vector<std::string>> ReadCidrs(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, file, kMaxFile));
  return ParsePodCidrs(text);
}

bool IsCidr(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return false;
  const std::string digits = text.substr(slash + 1);
  uint32_t length = 0;
  if (digits.find_first_not_of("0123456789") != std::string::npos || !absl::SimpleAtoi(digits, &length)) return false;
  in6_addr bytes;
  const std::string address = text.substr(0, slash);
  if (inet_pton(AF_INET, address.c_str(), &bytes) == 1) return length <= 32;
  return inet_pton(AF_INET6, address.c_str(), &bytes) == 1 && length <= 128;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParsePodCidrs(absl::string_view text) {
  std::vector<std::string> cidrs;
  if (text.empty()) return cidrs;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    std::string cidr(absl::StripAsciiWhitespace(part));
    if (!IsCidr(cidr)) {
      return absl::InvalidArgumentError(
          absl::StrCat("pod_cidr: \"", Excerpt(cidr), "\" is no range of addresses, as 10.1.2.0/24 is"));
    }
    cidrs.push_back(std::move(cidr));
  }
  return cidrs;
}

PodCidrs::PodCidrs(std::string file) : file_(std::move(file)) {
  if (file_.empty() || !Exists(file_)) return;
  auto cidrs = ReadCidrs(file_);
  if (!cidrs.ok()) {
    LogWarning("the node's pod CIDR is unknown until the kubelet tells it again",
               {{"file", file_}, {"error", cidrs.status().message()}});
    return;
  }
  const MutexLock lock(mutex_);
  cidrs_ = *std::move(cidrs);
}

void PodCidrs::Set(const std::vector<std::string>& cidrs) {
  const MutexLock lock(mutex_);
  cidrs_ = cidrs;
  if (file_.empty()) return;
  const absl::Status written = ReplaceFileAt(AT_FDCWD, file_, absl::StrJoin(cidrs, ","), 0600);
  if (!written.ok()) {
    LogWarning("a restarted crispd will not know the node's pod CIDR", {{"error", written.message()}});
  }
}

std::vector<std::string> PodCidrs::Get() const {
  const MutexLock lock(mutex_);
  return cidrs_;
}

}  // namespace crisp
