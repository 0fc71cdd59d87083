// For tests: a temporary directory that is gone afterwards.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace crisp::shim {

class TestDir {
 public:
  TestDir() {
    if (mkdtemp(name_) == nullptr) abort();
  }
  ~TestDir() { std::filesystem::remove_all(name_); }
  TestDir(const TestDir&) = delete;
  TestDir& operator=(const TestDir&) = delete;

  std::string Path(const std::string& name) const { return std::string(name_) + "/" + name; }

 private:
  char name_[40] = "/tmp/crisp-shim-unit-XXXXXX";
};

}  // namespace crisp::shim
