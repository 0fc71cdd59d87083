#include "sandbox/records.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "store/database.h"

namespace crisp {
namespace {

class RecordsTest : public testing::Test {
 protected:
  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  const std::unique_ptr<Database> database_ = *Database::Open(dir_ + "/crisp.db");
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
  Records records(database_.get(), Layout(dir_, dir_ + "/state", true));
  ASSERT_TRUE(records.Save(Phase::kCreating, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  const auto pods = *records.Pods();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0].phase, Phase::kCreated);
  EXPECT_EQ(pods[0].record.SerializeAsString(), Pod("p").SerializeAsString());
}

TEST_F(RecordsTest, SavingAPodAgainKeepsItsContainers) {
  Records records(database_.get(), Layout(dir_, dir_ + "/state", true));
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("p", "c")).ok());
  ASSERT_TRUE(records.Save(Phase::kStopped, Pod("p")).ok());
  EXPECT_EQ(records.Containers()->size(), 1u);
}

TEST_F(RecordsTest, AReplacedRecordKeepsItsPhaseAndOneThatIsDeletedStaysSo) {
  const Layout layout(dir_, dir_ + "/state", true);
  Records records(database_.get(), layout);
  ASSERT_TRUE(MakeDirs(layout.Container("c"), 0700).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kRemoving, ContainerOf("p", "c")).ok());
  ContainerRecord changed = ContainerOf("p", "c");
  changed.mutable_end()->set_exit_code(255);
  ASSERT_TRUE(records.Replace(changed, Records::Purpose::kKeep).ok());
  ASSERT_EQ(records.Containers()->size(), 1u);
  EXPECT_EQ(records.Containers()->front().phase, Phase::kRemoving);
  EXPECT_EQ(records.Containers()->front().record.end().exit_code(), 255);
  RecordCopy copy;
  ASSERT_TRUE(copy.ParseFromString(*ReadFileAt(AT_FDCWD, layout.RecordCopy("c"), 4096)));
  EXPECT_EQ(copy.phase(), static_cast<int>(Phase::kRemoving));
  EXPECT_EQ(copy.container().end().exit_code(), 255);
  ASSERT_TRUE(records.DeleteContainer("c").ok());
  ASSERT_TRUE(records.Replace(changed, Records::Purpose::kKeep).ok());
  EXPECT_TRUE(records.Containers()->empty());
}

TEST_F(RecordsTest, APodIsNotForgottenBeforeItsContainers) {
  Records records(database_.get(), Layout(dir_, dir_ + "/state", true));
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("p", "c")).ok());
  EXPECT_FALSE(records.DeletePod("p").ok());
  EXPECT_TRUE(records.DeleteContainer("c").ok());
  EXPECT_TRUE(records.DeletePod("p").ok());
  EXPECT_TRUE(records.Pods()->empty());
}

TEST_F(RecordsTest, ALostDatabaseIsMadeUpForByTheCopies) {
  const Layout layout(dir_, dir_ + "/state", true);
  Records records(database_.get(), layout);
  for (const char* id : {"a", "p", "half"}) ASSERT_TRUE(MakeDirs(layout.Container(id), 0700).ok());
  ASSERT_TRUE(records.Save(Phase::kStopped, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("p", "a")).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout.RecordCopy("half"), "garbage", 0600).ok());

  const auto anew = *Database::Open(dir_ + "/anew.db");
  Records restored(anew.get(), layout);
  ASSERT_TRUE(restored.Restore().ok());
  ASSERT_EQ(restored.Pods()->size(), 1u);
  EXPECT_EQ(restored.Pods()->front().phase, Phase::kStopped);
  EXPECT_EQ(restored.Pods()->front().record.SerializeAsString(), Pod("p").SerializeAsString());
  ASSERT_EQ(restored.Containers()->size(), 1u);
  EXPECT_EQ(restored.Containers()->front().record.SerializeAsString(), ContainerOf("p", "a").SerializeAsString());
}

TEST_F(RecordsTest, ARowIsNotReplacedByItsCopy) {
  const Layout layout(dir_, dir_ + "/state", true);
  Records records(database_.get(), layout);
  ASSERT_TRUE(MakeDirs(layout.Container("p"), 0700).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  const std::string stale = *ReadFileAt(AT_FDCWD, layout.RecordCopy("p"), 4096);
  ASSERT_TRUE(records.Save(Phase::kRemoving, Pod("p")).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout.RecordCopy("p"), stale, 0600).ok());
  ASSERT_TRUE(records.Restore().ok());
  ASSERT_EQ(records.Pods()->size(), 1u);
  EXPECT_EQ(records.Pods()->front().phase, Phase::kRemoving);
}

TEST_F(RecordsTest, ADamagedRowIsReplacedByItsCopy) {
  const Layout layout(dir_, dir_ + "/state", true);
  Records records(database_.get(), layout);
  for (const char* id : {"p", "a"}) ASSERT_TRUE(MakeDirs(layout.Container(id), 0700).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("p", "a")).ok());
  ASSERT_TRUE(database_->Run("UPDATE pods SET record = x'ffff'").ok());
  ASSERT_TRUE(database_->Run("UPDATE containers SET record = x''").ok());
  ASSERT_TRUE(records.Restore().ok());
  ASSERT_EQ(records.Pods()->size(), 1u);
  EXPECT_EQ(records.Pods()->front().record.SerializeAsString(), Pod("p").SerializeAsString());
  ASSERT_EQ(records.Containers()->size(), 1u);
  EXPECT_EQ(records.Containers()->front().record.pod_id(), "p");
}

TEST_F(RecordsTest, ACopyOfAnotherIsNotTaken) {
  const Layout layout(dir_, dir_ + "/state", true);
  Records records(database_.get(), layout);
  for (const char* id : {"p", "q"}) ASSERT_TRUE(MakeDirs(layout.Container(id), 0700).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("p")).ok());
  const std::string copy = *ReadFileAt(AT_FDCWD, layout.RecordCopy("p"), 4096);
  ASSERT_TRUE(records.DeletePod("p").ok());
  ASSERT_TRUE(RemoveTree(layout.Container("p")).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout.RecordCopy("q"), copy, 0600).ok());
  ASSERT_TRUE(records.Restore().ok());
  EXPECT_TRUE(records.Pods()->empty());
}

TEST_F(RecordsTest, ADamagedRecordIsLeftOut) {
  Records records(database_.get(), Layout(dir_, dir_ + "/state", true));
  ASSERT_TRUE(records.Save(Phase::kCreated, Pod("whole")).ok());
  ASSERT_TRUE(records.Save(Phase::kCreated, ContainerOf("whole", "c")).ok());
  const std::string unlike = Pod("another").SerializeAsString();
  for (const std::string& bytes : {std::string("\xff\xff"), std::string(), unlike}) {
    ASSERT_TRUE(database_
                    ->Run("INSERT INTO pods (id, phase, record) VALUES (?, 0, ?)",
                          absl::StrCat("damaged-", bytes.size()), Value::Blob(bytes))
                    .ok());
  }
  ASSERT_TRUE(
      database_->Run("INSERT INTO containers (id, pod_id, phase, record) VALUES ('damaged', 'whole', 0, x'ff')").ok());
  const auto pods = records.Pods();
  ASSERT_TRUE(pods.ok()) << pods.status();
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ(pods->front().record.id(), "whole");
  EXPECT_EQ(records.Containers()->size(), 1u);
}

TEST_F(RecordsTest, FactsAreReplaced) {
  Records records(database_.get(), Layout(dir_, dir_ + "/state", true));
  EXPECT_EQ(*records.Fact("boot_id"), "");
  ASSERT_TRUE(records.SetFact("boot_id", "one").ok());
  ASSERT_TRUE(records.SetFact("boot_id", "two").ok());
  EXPECT_EQ(*records.Fact("boot_id"), "two");
}

}  // namespace
}  // namespace crisp
