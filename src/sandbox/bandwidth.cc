#include "sandbox/bandwidth.h"

#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr double kLeast = 1e3;
constexpr double kMost = 1e15;

// What a suffix multiplies by (Kubernetes, resource.Quantity). Those below one are left out: no bandwidth has them.
std::optional<double> FactorOf(absl::string_view suffix) {
  static const auto& factors = *new std::map<absl::string_view, double>{
      {"", 1},        {"k", 1e3},     {"M", 1e6},     {"G", 1e9},     {"T", 1e12},   {"P", 1e15},
      {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}};
  const auto found = factors.find(suffix);
  if (found == factors.end()) return std::nullopt;
  return found->second;
}

// Digits with at most one point; then a suffix or a decimal exponent.
std::optional<double> ParseQuantity(absl::string_view text) {
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  absl::string_view suffix = text.substr(end);
  double number = 0;
  // SimpleAtod alone would take "inf", "0x10" and spaces.
  if (!suffix.empty() && (suffix[0] == 'e' || suffix[0] == 'E')) {
    int exponent = 0;
    const bool is_number = suffix.find_first_not_of("0123456789+-", 1) == absl::string_view::npos;
    if (!is_number || !absl::SimpleAtoi(suffix.substr(1), &exponent) || !absl::SimpleAtod(text, &number)) {
      return std::nullopt;
    }
    return number;
  }
  const std::optional<double> factor = FactorOf(suffix);
  if (!factor || !absl::SimpleAtod(text.substr(0, end), &number)) return std::nullopt;
  return number * *factor;
}

absl::StatusOr<uint64_t> LimitIn(const cri::PodSandboxConfig& config, const std::string& annotation) {
  const auto found = config.annotations().find(annotation);
  if (found == config.annotations().end()) return 0;
  const std::optional<double> bits = ParseQuantity(found->second);
  if (bits && *bits >= kLeast && *bits <= kMost) return static_cast<uint64_t>(std::ceil(*bits));
  return absl::InvalidArgumentError(absl::StrCat("annotation ", annotation, ": \"",
                                                 absl::CHexEscape(found->second.substr(0, 40)),
                                                 "\" is no quantity from 1k to 1P bits a second"));
}

}  // namespace

absl::StatusOr<Bandwidth> BandwidthOf(const cri::PodSandboxConfig& config) {
  Bandwidth bandwidth;
  ASSIGN_OR_RETURN(bandwidth.ingress, LimitIn(config, "kubernetes.io/ingress-bandwidth"));
  ASSIGN_OR_RETURN(bandwidth.egress, LimitIn(config, "kubernetes.io/egress-bandwidth"));
  return bandwidth;
}

}  // namespace crisp
