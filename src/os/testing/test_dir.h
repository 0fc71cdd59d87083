// TestDir: a temporary directory for a test, removed with its content.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "os/file.h"

namespace crisp {

class TestDir {
 public:
  TestDir() {
    if (mkdtemp(path_.data()) == nullptr) abort();
  }
  ~TestDir() { EXPECT_TRUE(RemoveTree(path_).ok()) << path_; }
  TestDir(const TestDir&) = delete;
  TestDir& operator=(const TestDir&) = delete;

  const std::string& path() const { return path_; }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_ = testing::TempDir() + "crisp-test-XXXXXX";
};

}  // namespace crisp
