#include "sandbox/spec_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

cri::ContainerConfig WithMounts() {
  cri::ContainerConfig container;
  for (const char* name : {"relabel", "leave"}) {
    cri::Mount& mount = *container.add_mounts();
    mount.set_host_path(std::string("/host/") + name);
    mount.set_container_path(std::string("/in/") + name);
    mount.set_selinux_relabel(mount.container_path() == "/in/relabel");
  }
  return container;
}

std::string Told(const SpecContext& context) {
  testing::internal::CaptureStderr();
  WarnOfUnlabelledMounts(WithMounts(), context, {{"container", "c"}});
  return testing::internal::GetCapturedStderr();
}

TEST(WarnOfUnlabelledMountsTest, NamesEachMountThatIsToBeRelabelled) {
  SpecContext context;
  context.host.selinux = {"system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0"};
  EXPECT_THAT(Told(context),
              AllOf(HasSubstr("container=c path=/in/relabel host_path=/host/relabel"), Not(HasSubstr("leave"))));
}

TEST(WarnOfUnlabelledMountsTest, SaysNothingWhereSelinuxIsNotInUse) {
  EXPECT_EQ(Told(SpecContext()), "");
}

}  // namespace
}  // namespace crisp
