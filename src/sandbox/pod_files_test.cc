#include "sandbox/pod_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "os/testing/test_dir.h"
#include "sandbox/node_facts.h"

namespace crisp {
namespace {

class PodFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirs(dir_ + "/containers/p", 0700).ok());
    config_.mutable_metadata()->set_name("web-0");
  }
  std::string Written(const std::string& name) {
    const absl::Status written = WritePodFiles(Layout(dir_, dir_, true), "p", config_);
    EXPECT_TRUE(written.ok()) << written;
    return *ReadFileAt(AT_FDCWD, dir_ + "/containers/p/" + name, 1 << 20);
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  cri::PodSandboxConfig config_;
};

TEST_F(PodFilesTest, TheDnsConfigIsWrittenAsItCame) {
  cri::DNSConfig& dns = *config_.mutable_dns_config();
  dns.add_servers("10.0.0.10");
  dns.add_servers("fd00::10");
  dns.add_searches("default.svc.cluster.local");
  dns.add_searches("svc.cluster.local");
  dns.add_options("ndots:5");
  EXPECT_EQ(Written("resolv.conf"),
            "search default.svc.cluster.local svc.cluster.local\n"
            "nameserver 10.0.0.10\nnameserver fd00::10\noptions ndots:5\n");
}

TEST_F(PodFilesTest, WithoutADnsConfigItIsTheNodes) {
  const auto nodes = ReadFileAt(AT_FDCWD, "/etc/resolv.conf", 1 << 20);
  EXPECT_EQ(Written("resolv.conf"), nodes.ok() ? *nodes : "");
  config_.mutable_dns_config();
  EXPECT_EQ(Written("resolv.conf"), nodes.ok() ? *nodes : "") << "of one that says nothing";
  config_.mutable_dns_config()->add_options("ndots:5");
  EXPECT_EQ(Written("resolv.conf"), "options ndots:5\n");
}

TEST_F(PodFilesTest, TheHostnameIsThatOfTheConfigElseTheNodes) {
  EXPECT_EQ(Written("hostname"), NodeHostname() + "\n");
  config_.set_hostname("db");
  EXPECT_EQ(Written("hostname"), "db\n");
}

}  // namespace
}  // namespace crisp
