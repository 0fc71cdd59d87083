// FakeHost: a directory that stands in for a node's root, and what a check finds there.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/call_context.h"
#include "doctor/catalog.h"
#include "doctor/finding.h"
#include "doctor/subject.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {

class FakeHost {
 public:
  FakeHost() {
    subject.tree = HostTree(directory.path());
    subject.config.root = directory.Path("root/crisp");
    subject.config.state = directory.Path("state/crisp");
    subject.config.registry.config_path = "";
    subject.config.sandbox_image = "127.0.0.1:1/pause:1";
  }

  // `path` is absolute, as the node has it.
  void Write(const std::string& path, const std::string& text, mode_t mode = 0644) {
    const std::string whole = subject.tree.At(path);
    ASSERT_TRUE(MakeDirs(whole.substr(0, whole.rfind('/')), 0755).ok());
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, whole, text, mode).ok()) << whole;
    ASSERT_EQ(chmod(whole.c_str(), mode), 0);
  }

  void AddProcess(int pid, const std::string& command, std::vector<std::string> args) {
    std::string line;
    for (const std::string& arg : args) line += arg + '\0';
    Write("/proc/" + std::to_string(pid) + "/comm", command + "\n");
    Write("/proc/" + std::to_string(pid) + "/cmdline", line);
  }

  // All findings of a check.
  template <typename Function>
  std::vector<Finding> Look(Function check, const std::string& name,
                            std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    Findings findings(name);
    check(subject, &findings, CallContext::WithTimeout(limit));
    return findings.Get();
  }

  TestDir directory;
  Subject subject;
};

// Those called `name`. A name that is not in the catalog fails the test.
inline std::vector<Finding> Named(const std::vector<Finding>& findings, const std::string& name) {
  const auto known = Catalog();
  EXPECT_TRUE(std::any_of(known.begin(), known.end(), [&](const CatalogEntry& entry) { return entry.name == name; }))
      << name;
  std::vector<Finding> found;
  for (const Finding& finding : findings) {
    if (finding.name == name) found.push_back(finding);
  }
  return found;
}

// "problem: object: text -> remedy" of each.
inline std::vector<std::string> Lines(const std::vector<Finding>& findings, const std::string& name) {
  std::vector<std::string> lines;
  for (const Finding& finding : Named(findings, name)) {
    lines.push_back(std::string(NameOf(finding.verdict)) + ": " + finding.object + ": " + finding.text +
                    (finding.remedy.empty() ? "" : " -> " + finding.remedy));
  }
  return lines;
}

}  // namespace crisp
