#include "runtime/capabilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kAll = (uint64_t{1} << 41) - 1;

cri::Capability Asked(std::initializer_list<const char*> add, std::initializer_list<const char*> drop) {
  cri::Capability asked;
  for (const char* name : add) asked.add_add_capabilities(name);
  for (const char* name : drop) asked.add_drop_capabilities(name);
  return asked;
}

TEST(CapabilitiesTest, NumbersAreThoseOfTheKernel) {
  EXPECT_EQ(CapabilityNumber("CAP_CHOWN"), CAP_CHOWN);
  EXPECT_EQ(CapabilityNumber("NET_RAW"), CAP_NET_RAW);
  EXPECT_EQ(CapabilityNumber("cap_sys_resource"), CAP_SYS_RESOURCE);
  EXPECT_EQ(CapabilityNumber("mknod"), CAP_MKNOD);
  EXPECT_EQ(CapabilityNumber("SETFCAP"), CAP_SETFCAP);
  EXPECT_EQ(CapabilityNumber("AUDIT_READ"), CAP_AUDIT_READ);
  EXPECT_EQ(CapabilityNumber("CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
  for (const char* name : {"", "CAP_", "CAP_CAP_CHOWN", "ALL", "CHOWN ", "0"}) {
    EXPECT_FALSE(CapabilityNumber(name).has_value()) << name;
  }
}

TEST(CapabilitiesTest, NamesOfBitsAbove40AreLeftOut) {
  EXPECT_EQ(CapabilityNames(~uint64_t{0}).size(), 41u);
  EXPECT_THAT(CapabilityNames((uint64_t{1} << CAP_KILL) | 1), ElementsAre("CAP_CHOWN", "CAP_KILL"));
}

TEST(CapabilitiesTest, DefaultIsTheFourteen) {
  EXPECT_EQ(DefaultCapabilities(), 0xa80425fbu);  // as `docker run` shows in CapEff
  EXPECT_EQ(ContainerCapabilities(cri::Capability(), kAll).value(), DefaultCapabilities());
}

TEST(CapabilitiesTest, AddAndDrop) {
  const uint64_t admin = uint64_t{1} << CAP_NET_ADMIN;
  const uint64_t raw = uint64_t{1} << CAP_NET_RAW;
  EXPECT_EQ(ContainerCapabilities(Asked({"NET_ADMIN"}, {"cap_net_raw"}), kAll).value(),
            (DefaultCapabilities() | admin) & ~raw);
  EXPECT_EQ(ContainerCapabilities(Asked({"all"}, {}), kAll).value(), kAll);
  EXPECT_EQ(ContainerCapabilities(Asked({"CAP_ALL"}, {"NET_RAW"}), kAll).value(), kAll & ~raw);
  EXPECT_EQ(ContainerCapabilities(Asked({"NET_RAW"}, {"ALL"}), kAll).value(), raw);
  EXPECT_EQ(ContainerCapabilities(Asked({}, {"Cap_All"}), kAll).value(), 0u);
  EXPECT_EQ(ContainerCapabilities(Asked({"NET_RAW"}, {"NET_RAW"}), kAll).value(), DefaultCapabilities() & ~raw);
}

TEST(CapabilitiesTest, WhatTheDaemonLacksIsRefusedByNameAndLeftOutOtherwise) {
  const uint64_t host = kAll & ~(uint64_t{1} << CAP_SYS_RESOURCE) & ~(uint64_t{1} << CAP_MKNOD);
  EXPECT_EQ(ContainerCapabilities(cri::Capability(), host).value(), DefaultCapabilities() & host);
  EXPECT_EQ(ContainerCapabilities(Asked({"ALL"}, {}), host).value(), host);
  const absl::Status status = ContainerCapabilities(Asked({"SYS_RESOURCE"}, {}), host).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("capabilities.add_capabilities: CAP_SYS_RESOURCE"));
}

TEST(CapabilitiesTest, AmbientOnesAreAddedToo) {
  cri::Capability asked;
  asked.add_add_ambient_capabilities("NET_ADMIN");
  const uint64_t admin = uint64_t{1} << CAP_NET_ADMIN;
  EXPECT_EQ(ContainerCapabilities(asked, kAll).value(), DefaultCapabilities() | admin);
  EXPECT_EQ(AmbientCapabilities(asked, kAll).value(), admin);
  asked.add_drop_capabilities("ALL");
  EXPECT_EQ(ContainerCapabilities(asked, kAll).value(), admin);
  asked.add_drop_capabilities("NET_ADMIN");
  EXPECT_EQ(AmbientCapabilities(asked, ContainerCapabilities(asked, kAll).value()).value(), 0u);
  asked.Clear();
  asked.add_add_ambient_capabilities("ALL");
  EXPECT_EQ(AmbientCapabilities(asked, DefaultCapabilities()).value(), DefaultCapabilities());
  asked.add_add_ambient_capabilities("SYS_TIME");
  EXPECT_THAT(std::string(ContainerCapabilities(asked, DefaultCapabilities()).status().message()),
              HasSubstr("add_ambient_capabilities: CAP_SYS_TIME"));
}

TEST(CapabilitiesTest, UnknownNamesAreRefusedWithTheirPlace) {
  EXPECT_THAT(std::string(ContainerCapabilities(Asked({"KILL", "FLY"}, {}), kAll).status().message()),
              HasSubstr("add_capabilities[1]: \"FLY\""));
  EXPECT_THAT(std::string(ContainerCapabilities(Asked({}, {""}), kAll).status().message()),
              HasSubstr("drop_capabilities[0]"));
}

}  // namespace
}  // namespace crisp
