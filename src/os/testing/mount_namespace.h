// A mount namespace for the rest of the test program: nothing that a test forgets is left on the machine.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

namespace crisp {

// `and_also` are more namespaces (CLONE_NEWNET). Needs root; a failure is a fatal one of the test.
inline void EnterMountNamespace(int and_also = 0) {
  ASSERT_EQ(unshare(CLONE_NEWNS | and_also), 0);
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
}

}  // namespace crisp
