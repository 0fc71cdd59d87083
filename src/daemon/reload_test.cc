#include "daemon/reload.h"

#include <atomic>
#include <fstream>
#include <string>
#include <vector>

#include "base/testing/wait.h"
#include "daemon/service_manager.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::HasSubstr;

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    Write("version = 3\n[debug]\nlevel = 'info'\n");
    reloader_ = std::make_unique<Reloader>(file_, ReadConfiguration(file_), &systemd_);
  }

  void Write(const std::string& text) { std::ofstream(file_) << text; }

  // A room that takes everything, and notes what has been committed.
  Reloader::Prepare Room() {
    return [this](const Config& next) -> absl::StatusOr<Commit> {
      ++prepared_;
      return Commit([this, next] { committed_.push_back(next); });
    };
  }
  void Start(std::vector<Reloader::Prepare> rooms) { ASSERT_TRUE(reloader_->Start(std::move(rooms), "serving").ok()); }

  TestDir dir_;
  const std::string file_ = dir_.path() + "/config.toml";
  ServiceManager systemd_;
  std::atomic<int> prepared_ = 0;
  std::vector<Config> committed_;
  std::unique_ptr<Reloader> reloader_;
};

TEST_F(ReloadTest, EveryRoomGetsWhatTheFileSaysNow) {
  Start({Room(), Room()});
  const auto before = reloader_->outcome().applied;
  Write("version = 3\n[debug]\nlevel = 'debug'\n");
  ASSERT_TRUE(reloader_->Reload().ok());
  ASSERT_EQ(committed_.size(), 2u);
  for (const Config& config : committed_) EXPECT_EQ(config.log_level, LogLevel::kDebug);
  EXPECT_THAT(reloader_->Json(), HasSubstr("\"debug\""));
  EXPECT_TRUE(reloader_->outcome().ok);
  EXPECT_GT(reloader_->outcome().applied, before);
}

TEST_F(ReloadTest, WhatIsReadAtStartStays) {
  Start({Room()});
  Write("version = 3\nroot = '/elsewhere'\n[debug]\nlevel = 'warn'\n");
  ASSERT_TRUE(reloader_->Reload().ok());
  ASSERT_EQ(committed_.size(), 1u);
  EXPECT_EQ(committed_[0].root, "/var/lib/crisp");
  EXPECT_EQ(committed_[0].log_level, LogLevel::kWarning);
}

TEST_F(ReloadTest, AFileThatCannotBeReadChangesNothingAndIsNamed) {
  Start({Room()});
  const auto before = reloader_->outcome().applied;
  const std::string json = reloader_->Json();
  for (const std::string text : {"version = 3\n[debug\n", "version = 3\nplugin_dir = '/plugins'\n"}) {
    Write(text);
    EXPECT_THAT(std::string(reloader_->Reload().message()), HasSubstr(file_ + ":2")) << text;
  }
  EXPECT_EQ(prepared_, 0);
  EXPECT_EQ(reloader_->Json(), json);
  EXPECT_FALSE(reloader_->outcome().ok);
  EXPECT_EQ(reloader_->outcome().applied, before);
  Write("version = 3\n");
  EXPECT_TRUE(reloader_->Reload().ok());
  EXPECT_TRUE(reloader_->outcome().ok);
}

TEST_F(ReloadTest, ARoomThatCannotTakesNoneOfTheOthersAlong) {
  Start({Room(), [](const Config&) -> absl::StatusOr<Commit> { return absl::InternalError("no"); }, Room()});
  Write("version = 3\n");
  EXPECT_EQ(reloader_->Reload().message(), "no");
  EXPECT_EQ(prepared_, 1);
  EXPECT_TRUE(committed_.empty());
}

// One that comes while the daemon starts, and many while another is at work.
TEST_F(ReloadTest, NoRequestIsLost) {
  reloader_->Request();
  std::atomic<bool> held = true;
  Start({[&](const Config&) -> absl::StatusOr<Commit> {
    ++prepared_;
    Eventually([&] { return !held; });
    return Commit([] {});
  }});
  ASSERT_TRUE(Eventually([&] { return prepared_ == 1; }));
  for (int i = 0; i < 100; ++i) reloader_->Request();
  held = false;
  EXPECT_TRUE(Eventually([&] { return prepared_ == 2; }));
  LetTimePass(std::chrono::milliseconds(50));
  EXPECT_EQ(prepared_, 2);
}

TEST_F(ReloadTest, WithoutAFileThereIsNothingToRead) {
  Reading none;
  none.config = DefaultConfig();
  Reloader reloader("", none, &systemd_);
  ASSERT_TRUE(reloader.Start({Room()}, "serving").ok());
  EXPECT_TRUE(reloader.Reload().ok());
  EXPECT_EQ(prepared_, 0);
}

}  // namespace
}  // namespace crisp
