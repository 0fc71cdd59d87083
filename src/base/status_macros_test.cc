#include "base/status_macros.h"

#include <gtest/gtest.h>

#include <memory>

namespace crisp {
namespace {

absl::Status Fail() {
  return absl::NotFoundError("no such pod");
}
absl::StatusOr<std::unique_ptr<int>> Make(bool ok) {
  if (!ok) return Fail();
  return std::make_unique<int>(7);
}

absl::Status Plain() {
  RETURN_IF_ERROR(Fail());
  return absl::OkStatus();
}

absl::StatusOr<int> Named(bool ok) {
  ASSIGN_OR_RETURN(std::unique_ptr<int> value, Make(ok), "stop pod ", 42);
  return *value;
}

TEST(StatusMacrosTest, ErrorsGoUpWithTheirCode) {
  EXPECT_EQ(Plain(), absl::NotFoundError("no such pod"));
}

TEST(StatusMacrosTest, EachLayerAddsItsNoun) {
  EXPECT_EQ(Named(false).status(), absl::NotFoundError("stop pod 42: no such pod"));
}

TEST(StatusMacrosTest, AValueIsMovedOut) {
  EXPECT_EQ(*Named(true), 7);
}

TEST(StatusMacrosTest, JoinKeepsBothTexts) {
  EXPECT_EQ(Join(absl::InternalError("a"), absl::NotFoundError("b")), absl::InternalError("a; and then: b"));
  EXPECT_EQ(Join(absl::OkStatus(), absl::NotFoundError("b")), absl::NotFoundError("b"));
}

}  // namespace
}  // namespace crisp
