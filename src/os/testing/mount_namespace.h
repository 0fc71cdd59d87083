// Moves a test program to a mount namespace of its own, so that no mount that a test forgets stays on the machine.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

namespace crisp {

// `and_also`: further namespaces, such as CLONE_NEWNET. Needs root; a failure is fatal for the test.
inline void EnterMountNamespace(int and_also = 0) {
  ASSERT_EQ(unshare(CLONE_NEWNS | and_also), 0);
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
}

}  // namespace crisp
