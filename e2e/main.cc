// Runs all tests that the command line picks in one new machine (machine.h); ctest picks one.
#include "gtest/gtest.h"

#include "e2e/fixture.h"
#include "e2e/machine.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (GTEST_FLAG_GET(list_tests) || !crisp::e2e::MachineMissing().empty()) return RUN_ALL_TESTS();
  return crisp::e2e::RunInMachine([](const crisp::e2e::Machine& machine) {
    crisp::e2e::SetMachine(machine);
    return RUN_ALL_TESTS();
  });
}
