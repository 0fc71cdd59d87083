// RETURN_IF_ERROR and ASSIGN_OR_RETURN: errors travel up as absl::Status, and each layer adds the noun that it knows.
//
//   RETURN_IF_ERROR(PinNetns(path), "pin netns ", path);
//   ASSIGN_OR_RETURN(Fd dir, OpenDir(path), "open ", path);
//
// Everything after the expression is joined by absl::StrCat and put before the error's own text, with ": " between.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace crisp {

// `status` with `what` put before its text; its code and payloads stay. OK stays OK.
inline absl::Status Annotate(const absl::Status& status, absl::string_view what) {
  if (status.ok() || what.empty()) return status;
  absl::Status annotated(status.code(), absl::StrCat(what, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

// The first of two results that is an error, with the second's text kept behind it. For clean-up that fails as well.
// C++ does not say which argument is evaluated first: where the order matters, `first` is a variable.
inline absl::Status Join(absl::Status first, const absl::Status& second) {
  if (first.ok()) return second;
  if (second.ok()) return first;
  return absl::Status(first.code(), absl::StrCat(first.message(), "; and then: ", second.message()));
}

namespace internal {
inline absl::Status ToStatus(const absl::Status& status) {
  return status;
}
template <typename T>
absl::Status ToStatus(const absl::StatusOr<T>& result) {
  return result.status();
}
}  // namespace internal
}  // namespace crisp

#define CRISP_CONCAT_INNER(a, b) a##b
#define CRISP_CONCAT(a, b) CRISP_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expr, ...)                                                           \
  do {                                                                                       \
    if (absl::Status crisp_status = ::crisp::internal::ToStatus(expr); !crisp_status.ok()) { \
      return ::crisp::Annotate(crisp_status, absl::StrCat(__VA_ARGS__));                     \
    }                                                                                        \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expr, ...) \
  ASSIGN_OR_RETURN_IMPL(CRISP_CONCAT(crisp_result_, __LINE__), lhs, expr __VA_OPT__(, ) __VA_ARGS__)

#define ASSIGN_OR_RETURN_IMPL(result, lhs, expr, ...)                     \
  auto result = (expr);                                                   \
  if (!result.ok()) {                                                     \
    return ::crisp::Annotate(result.status(), absl::StrCat(__VA_ARGS__)); \
  }                                                                       \
  lhs = *std::move(result)
