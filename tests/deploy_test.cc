// What comes with crisp in deploy/ and is read by others.
#include <fstream>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace crisp {
namespace {

std::set<std::string> KeysOfUnit() {
  std::ifstream unit(CRISP_UNIT);
  std::set<std::string> keys;
  for (std::string line; std::getline(unit, line);) {
    const size_t equals = line.find('=');
    if (!line.empty() && line[0] != '#' && equals != std::string::npos) keys.insert(line.substr(0, equals));
  }
  return keys;
}

// Containers inherit what the unit sets. Programs that loop over all descriptors, or allocate by their number, take
// minutes and gigabytes where the limit is a million; containerd's and CRI-O's units leave systemd's default since
// 2023.
TEST(UnitTest, LeavesTheLimitOfDescriptorsToSystemd) {
  const std::set<std::string> keys = KeysOfUnit();
  EXPECT_EQ(keys.count("ExecStart"), 1u) << CRISP_UNIT;
  EXPECT_EQ(keys.count("LimitNOFILE"), 0u);
}

// What crispd mounts has to be in the node's mount namespace, and containers inherit seccomp filters and the bounding
// set (docs/install.md).
TEST(UnitTest, HasNoSandboxThatPodsWouldBeIn) {
  const std::set<std::string> keys = KeysOfUnit();
  for (const char* key : {"CapabilityBoundingSet", "DevicePolicy",     "LockPersonality",     "MemoryDenyWriteExecute",
                          "NoNewPrivileges",       "PrivateDevices",   "PrivateMounts",       "PrivateTmp",
                          "ProtectClock",          "ProtectHome",      "ProtectHostname",     "ProtectKernelModules",
                          "ProtectKernelTunables", "ProtectSystem",    "ReadWritePaths",      "RestrictAddressFamilies",
                          "RestrictNamespaces",    "RestrictRealtime", "RestrictSUIDSGID",    "SystemCallArchitectures",
                          "SystemCallFilter",      "ProtectProc",      "ProtectControlGroups"}) {
    EXPECT_EQ(keys.count(key), 0u) << key;
  }
}

}  // namespace
}  // namespace crisp
