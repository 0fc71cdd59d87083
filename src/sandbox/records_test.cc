#include "sandbox/records.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "os/file.h"

namespace crisp {
namespace {

class RecordsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "crisp-records-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    database_ = *Database::Open(dir_ + "/crisp.db");
  }
  void TearDown() override {
    database_.reset();
    EXPECT_TRUE(RemoveTree(dir_).ok());
  }

  std::string dir_;
  std::unique_ptr<Database> database_;
};

PodRecord Pod(const std::string& id) {
  PodRecord pod;
  pod.set_id(id);
  pod.mutable_config()->mutable_metadata()->set_name("web");
  pod.set_ip("10.88.0.2");
  return pod;
}

ContainerRecord ContainerOf(const std::string& pod, const std::string& id) {
  ContainerRecord container;
  container.set_id(id);
  container.set_pod_id(pod);
  return container;
}

TEST_F(RecordsTest, APodComesBackWithItsConfigAsItCame) {
  Records records(database_.get());
  ASSERT_TRUE(records.Save(Phase::kCreating, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  const auto pods = *records.Pods();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0].phase, Phase::kCreated);
  EXPECT_EQ(pods[0].record.SerializeAsString(), Pod("p").SerializeAsString());
}

TEST_F(RecordsTest, SavingAPodAgainKeepsItsContainers) {
  Records records(database_.get());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("p", "c")).ok());
  ASSERT_TRUE(records.Save(Phase::kStopped, Pod("p")).ok());
  EXPECT_EQ(records.Containers()->size(), 1u);
}

TEST_F(RecordsTest, APodIsNotForgottenBeforeItsContainers) {
  Records records(database_.get());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("p", "c")).ok());
  EXPECT_FALSE(records.DeletePod("p").ok());
  EXPECT_TRUE(records.DeleteContainer("c").ok());
  EXPECT_TRUE(records.DeletePod("p").ok());
  EXPECT_TRUE(records.Pods()->empty());
}

TEST_F(RecordsTest, ADamagedRecordIsLeftOut) {
  Records records(database_.get());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("whole")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("whole", "c")).ok());
  const std::string unlike = Pod("another").SerializeAsString();
  for (const std::string& bytes : {std::string("\xff\xff"), std::string(), unlike}) {
    ASSERT_TRUE(
        database_->Run("INSERT INTO pods VALUES (?, 0, ?)", absl::StrCat("damaged-", bytes.size()), Value::Blob(bytes))
            .ok());
  }
  ASSERT_TRUE(database_->Run("INSERT INTO containers VALUES ('damaged', 'whole', 0, x'ff')").ok());
  const auto pods = records.Pods();
  ASSERT_TRUE(pods.ok()) << pods.status();
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ(pods->front().record.id(), "whole");
  EXPECT_EQ(records.Containers()->size(), 1u);
}

TEST_F(RecordsTest, FactsAreReplaced) {
  Records records(database_.get());
  EXPECT_EQ(*records.Fact("boot_id"), "");
  ASSERT_TRUE(records.SetFact("boot_id", "one").ok());
  ASSERT_TRUE(records.SetFact("boot_id", "two").ok());
  EXPECT_EQ(*records.Fact("boot_id"), "two");
}

}  // namespace
}  // namespace crisp
