#include "stats/meter_set.h"

#include <gtest/gtest.h>

#include "stats/testing/made_pods.h"

namespace crisp {
namespace {

bool Reads(Meter& meter) {
  return meter.Read([] { return cgroup::Dirs(); }).has_value();
}

TEST(MeterSetTest, AMeterIsKeptAsLongAsItsContainerRuns) {
  MadePods made;
  MeterSet meters;
  const ContainerPtr container = made.AddContainer(made.AddPod("p"), "c");
  const std::shared_ptr<Meter> meter = meters.OfContainer(*container);
  EXPECT_TRUE(Reads(*meter));
  EXPECT_EQ(meters.OfContainer(*container), meter);
  container->Exit({0, 1, false});
  EXPECT_FALSE(Reads(*meters.OfContainer(*container)));
  EXPECT_TRUE(Reads(*meter)) << "nobody has closed it yet";
  meters.CloseContainer("c");
  EXPECT_FALSE(Reads(*meter)) << "whoever holds it reads nothing more";
}

TEST(MeterSetTest, AContainerThatDoesNotRunHasAClosedOne) {
  MadePods made;
  MeterSet meters;
  const PodPtr pod = made.AddPod("p");
  for (const auto state : {Container::State::kCreated, Container::State::kStarting, Container::State::kExited}) {
    EXPECT_FALSE(Reads(*meters.OfContainer(*made.AddContainer(pod, "c", 1, state)))) << static_cast<int>(state);
  }
}

TEST(MeterSetTest, ThePodAndItsPauseContainerHaveOneEachUntilThePodStops) {
  MadePods made;
  MeterSet meters;
  const PodPtr pod = made.AddPod("p");
  const PodPtr other = made.AddPod("q");
  const std::shared_ptr<Meter> of_pod = meters.OfPod(*pod);
  const std::shared_ptr<Meter> of_pause = meters.OfPause(*pod);
  const std::shared_ptr<Meter> of_other = meters.OfPod(*other);
  EXPECT_NE(of_pod, of_pause);
  EXPECT_TRUE(Reads(*of_pod));
  EXPECT_TRUE(Reads(*of_pause));
  pod->MarkEnded();
  meters.ClosePod("p");
  meters.ClosePod("never-seen");
  EXPECT_FALSE(Reads(*of_pod));
  EXPECT_FALSE(Reads(*of_pause));
  EXPECT_TRUE(Reads(*of_other));
  EXPECT_FALSE(Reads(*meters.OfPod(*pod)));
  EXPECT_FALSE(Reads(*meters.OfPause(*pod)));
}

TEST(MeterSetTest, WhoComesAfterTheCloseOpensNothingAgain) {
  MadePods made;
  MeterSet meters;
  const ContainerPtr container = made.AddContainer(made.AddPod("p"), "c");
  meters.OfContainer(*container);
  container->Exit({0, 1, false});
  meters.CloseContainer("c");
  const std::shared_ptr<Meter> late = meters.OfContainer(*container);
  bool asked = false;
  EXPECT_FALSE(late->Read([&asked] {
    asked = true;
    return cgroup::Dirs();
  }));
  EXPECT_FALSE(asked);
}

}  // namespace
}  // namespace crisp
