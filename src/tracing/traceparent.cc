#include "tracing/traceparent.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

constexpr size_t kLength = 55;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

// Takes `2 * N` digits and the "-" behind them, if there is one.
template <size_t N>
bool Take(absl::string_view* rest, std::array<uint8_t, N>* bytes) {
  const absl::string_view digits = rest->substr(0, 2 * N);
  if (digits.size() != 2 * N || !IsLowerHex(digits)) return false;
  rest->remove_prefix(2 * N);
  if (!rest->empty() && rest->front() != '-') return false;
  if (!rest->empty()) rest->remove_prefix(1);
  const std::string raw = absl::HexStringToBytes(digits);
  std::copy(raw.begin(), raw.end(), bytes->begin());
  return true;
}

template <size_t N>
std::string Hex(const std::array<uint8_t, N>& bytes) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes.data()), N));
}

}  // namespace

TraceContext ParseTraceparent(absl::string_view text) {
  std::array<uint8_t, 1> version{}, flags{};
  TraceContext context;
  absl::string_view rest = text;
  if (!Take(&rest, &version) || !Take(&rest, &context.trace_id) || !Take(&rest, &context.span_id) ||
      !Take(&rest, &flags)) {
    return {};
  }
  if (version[0] == 0xff || (version[0] == 0 && text.size() != kLength)) return {};
  context.sampled = (flags[0] & 1) != 0;
  return context.valid() ? context : TraceContext();
}

std::string FormatTraceparent(const TraceContext& context) {
  return absl::StrCat("00-", TraceIdText(context), "-", SpanIdText(context), context.sampled ? "-01" : "-00");
}

std::string TraceIdText(const TraceContext& context) {
  return Hex(context.trace_id);
}

std::string SpanIdText(const TraceContext& context) {
  return Hex(context.span_id);
}

}  // namespace crisp
