#include "streaming/stream_result.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/json.h"

namespace crisp {
namespace {

using nlohmann::json;

// The longest resize message accepted.
constexpr size_t kMostResize = 256;

constexpr int kFirstWithJson = 4;

json StatusOf(const absl::StatusOr<int>& result) {
  json status = {{"metadata", json::object()}};
  if (result.ok() && *result == 0) {
    status["status"] = "Success";
    return status;
  }
  status["status"] = "Failure";
  if (result.ok()) {
    status["message"] = absl::StrCat("command terminated with non-zero exit code: ", *result);
    status["reason"] = "NonZeroExitCode";
    status["details"]["causes"] = json::array({json{{"reason", "ExitCode"}, {"message", absl::StrCat(*result)}}});
    return status;
  }
  const std::string text(result.status().message());
  status["message"] = text;
  status["reason"] = "InternalError";
  status["details"]["causes"] = json::array({json{{"message", text}}});
  status["code"] = 500;
  return status;
}

std::optional<uint16_t> Side(const json& size, const char* name) {
  const auto found = size.find(name);
  if (found == size.end() || !found->is_number_integer()) return std::nullopt;
  const auto value = found->get<int64_t>();
  if (value < 1 || value > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(value);
}

}  // namespace

std::string ResultText(int version, const absl::StatusOr<int>& result) {
  const json status = StatusOf(result);
  // Error texts contain program output and paths, which need not be UTF-8.
  if (version >= kFirstWithJson) return status.dump(-1, ' ', false, json::error_handler_t::replace);
  return status.value("message", "");
}

std::optional<TerminalSize> ParseResize(absl::string_view text) {
  const auto size = ParseJsonObject(text);
  if (!size.ok()) return std::nullopt;
  const auto width = Side(*size, "Width");
  const auto height = Side(*size, "Height");
  if (!width.has_value() || !height.has_value()) return std::nullopt;
  return TerminalSize{*width, *height};
}

std::optional<TerminalSize> ResizeReader::Feed(absl::string_view bytes) {
  std::optional<TerminalSize> last;
  // The objects are not nested, so every closing brace ends one.
  for (const char c : bytes) {
    if (c == '{') partial_.clear();
    if (partial_.size() < kMostResize) partial_.push_back(c);
    if (c != '}') continue;
    if (const auto size = ParseResize(partial_)) last = size;
    partial_.clear();
  }
  return last;
}

}  // namespace crisp
