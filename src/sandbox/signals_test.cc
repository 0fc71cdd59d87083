#include "sandbox/signals.h"

#include <gtest/gtest.h>

#include <csignal>

namespace crisp {
namespace {

TEST(SignalsTest, AllSpellingsOfImagesAreKnown) {
  EXPECT_EQ(ParseSignal("SIGTERM"), SIGTERM);
  EXPECT_EQ(ParseSignal("term"), SIGTERM);
  EXPECT_EQ(ParseSignal("15"), 15);
  EXPECT_EQ(ParseSignal("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(ParseSignal("RTMAX-1"), SIGRTMAX - 1);
  EXPECT_EQ(ParseSignal("SIGPOLL"), SIGIO);
}

TEST(SignalsTest, NonsenseIsNoSignal) {
  for (const char* text : {"", "SIG", "0", "-1", "65", "9999999999", "SIGRTMIN+40", "SIGRTMAX-40", "KILLER"}) {
    EXPECT_EQ(ParseSignal(text), std::nullopt) << text;
  }
}

TEST(SignalsTest, EverySignalOfCriHasANumberAndBack) {
  for (int value = cri::Signal_MIN + 1; value <= cri::Signal_MAX; ++value) {
    const auto number = SignalNumber(static_cast<cri::Signal>(value));
    ASSERT_TRUE(number.has_value()) << cri::Signal_Name(static_cast<cri::Signal>(value));
    EXPECT_EQ(SignalNumber(SignalName(*number)), number);
  }
  EXPECT_EQ(SignalNumber(cri::SIGNAL_RUNTIME_DEFAULT), std::nullopt);
  EXPECT_EQ(SignalNumber(cri::SIGNAL_SIGRTMAXMINUS14), SIGRTMAX - 14);
}

}  // namespace
}  // namespace crisp
