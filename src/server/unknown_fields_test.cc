#include "server/unknown_fields.h"

#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "api/cri/cri.h"
#include "base/testing/captured_log.h"
#include "base/testing/json_lines.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

void AddUnknown(google::protobuf::Message* message, int number) {
  message->GetReflection()->MutableUnknownFields(message)->AddVarint(number, 1);
}

TEST(UnknownFieldsTest, NoneInAMessageOfKnownFields) {
  cri::RunPodSandboxRequest request;
  EXPECT_THAT(UnknownFields(request), IsEmpty());
  request.mutable_config()->mutable_metadata()->set_name("web-0");
  (*request.mutable_config()->mutable_labels())["app"] = "web";
  request.mutable_config()->add_port_mappings()->set_host_port(80);
  EXPECT_THAT(UnknownFields(request), IsEmpty());
}

TEST(UnknownFieldsTest, NamesTheMessageAndTheNumber) {
  cri::RunPodSandboxRequest request;
  AddUnknown(&request, 98);
  AddUnknown(request.mutable_config()->mutable_linux(), 99);
  EXPECT_THAT(UnknownFields(request), ElementsAre("98", "config.linux:99"));
}

TEST(UnknownFieldsTest, FindsWhatTheParserKept) {
  cri::RunPodSandboxRequest sent;
  AddUnknown(sent.mutable_config(), 99);
  cri::RunPodSandboxRequest received;
  ASSERT_TRUE(received.ParseFromString(sent.SerializeAsString()));
  EXPECT_THAT(UnknownFields(received), ElementsAre("config:99"));
}

TEST(UnknownFieldsTest, EachPathOnceAlsoInRepeatedMessages) {
  cri::CreateContainerRequest request;
  for (int i = 0; i < 40; ++i) {
    cri::Mount* mount = request.mutable_config()->add_mounts();
    AddUnknown(mount, 77);
    AddUnknown(mount, 77);
  }
  AddUnknown(request.mutable_config()->mutable_linux(), 99);
  EXPECT_THAT(UnknownFields(request), ElementsAre("config.mounts:77", "config.linux:99"));
}

TEST(UnknownFieldsTest, LooksIntoTheValuesOfMaps) {
  google::protobuf::Struct object;
  AddUnknown(&(*object.mutable_fields())["key"], 99);
  EXPECT_THAT(UnknownFields(object), ElementsAre("fields.value:99"));
}

TEST(UnknownFieldsTest, StopsAtTheGreatestNumberOfPaths) {
  cri::CreateContainerRequest request;
  for (int i = 0; i < 1000; ++i) AddUnknown(request.mutable_config(), 100 + i);
  AddUnknown(request.mutable_sandbox_config(), 99);
  EXPECT_THAT(UnknownFields(request), SizeIs(kMaxUnknownFields));
}

// Each level of a google.protobuf.ListValue is two messages: the list and the value that holds it.
TEST(UnknownFieldsTest, DoesNotLookBelowTheGreatestDepth) {
  google::protobuf::ListValue top;
  google::protobuf::ListValue* list = &top;
  for (int depth = 0; depth < kMaxUnknownFieldDepth; depth += 2) list = list->add_values()->mutable_list_value();
  AddUnknown(list, 99);
  EXPECT_THAT(UnknownFields(top), SizeIs(1));
  AddUnknown(list->add_values(), 98);
  EXPECT_THAT(UnknownFields(top), SizeIs(1));
}

TEST(UnknownFieldLogTest, NamesEachFieldOfAMethodOnce) {
  cri::RunPodSandboxRequest request;
  AddUnknown(request.mutable_config(), 99);
  cri::StopPodSandboxRequest other;
  AddUnknown(&other, 99);
  UnknownFieldLog fields;
  const CapturedLog log({.format = LogFormat::kJson});
  for (int i = 0; i < 3; ++i) {
    fields.Look("RunPodSandbox", request);
    fields.Look("StopPodSandbox", other);
  }
  AddUnknown(request.mutable_config(), 100);
  fields.Look("RunPodSandbox", request);
  std::vector<std::string> named;
  for (const nlohmann::json& line : JsonLines(log)) {
    EXPECT_EQ(line["level"], "warning");
    named.push_back(absl::StrCat(line["method"].get<std::string>(), " ", line["field"].get<std::string>()));
  }
  EXPECT_THAT(named, ElementsAre("RunPodSandbox config:99", "StopPodSandbox 99", "RunPodSandbox config:100"));
}

TEST(UnknownFieldLogTest, ForgetsNothingAndRemembersABoundedNumber) {
  UnknownFieldLog fields;
  const CapturedLog log({.format = LogFormat::kJson});
  for (int round = 0; round < 2; ++round) {
    for (int number = 1; number <= static_cast<int>(UnknownFieldLog::kMost) + 50; ++number) {
      cri::StopPodSandboxRequest request;
      AddUnknown(&request, 1000 + number);
      fields.Look("StopPodSandbox", request);
    }
  }
  EXPECT_THAT(JsonLines(log), SizeIs(UnknownFieldLog::kMost));
}

}  // namespace
}  // namespace crisp
