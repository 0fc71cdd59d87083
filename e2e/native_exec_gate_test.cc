// The gate of native execs: whatever the shim runs without the OCI runtime must look to itself as if the runtime had
// run it. Containers of many kinds are made, e2e/probe/self.cc is run in each natively and by `runc exec`, and what it
// says is compared. What is not compared here is not native: runtime/exec_plan.cc has the list.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <set>
#include <sstream>

#include "e2e/stream_fixture.h"

namespace crisp::e2e {
namespace {

// What may differ, and why. By the line's name and the beginning of its value.
struct Difference {
  const char* line;
  const char* reason;
};
constexpr Difference kAllowed[] = {
    {"limits Max open files", "Go 1.19 to 1.20 raises the soft limit of runc, and the command inherits it"},
    {"status PPid:\t",
     "runc is the parent until it has ended, and then the shim, which is the native one from the first"},
    {"parent ", "likewise; seen without a pid namespace only, with one it is 0 (IsAllowed)"},
};

bool IsAllowed(const std::string& line) {
  if (line == "parent 0" || line == "status PPid:\t0") return false;
  return std::any_of(std::begin(kAllowed), std::end(kAllowed),
                     [&](const Difference& one) { return line.rfind(one.line, 0) == 0; });
}

// The lines of one that are not in the other.
std::vector<std::string> Only(const std::string& these, const std::string& those) {
  std::multiset<std::string> left;
  std::istringstream in(those);
  for (std::string line; std::getline(in, line);) left.insert(line);
  std::vector<std::string> only;
  std::istringstream lines(these);
  for (std::string line; std::getline(lines, line);) {
    if (const auto same = left.find(line); same != left.end()) {
      left.erase(same);
    } else if (!IsAllowed(line)) {
      only.push_back(line);
    }
  }
  return only;
}

class NativeExecGateTest : public NativeExecFixture {
 protected:
  struct Row {
    std::string name;
    std::string id;
    std::map<std::string, std::string> said;  // natively and by runc
  };

  void Begin() override {
    StreamTest::Begin();
    profile_ = node().paths().directory() + "/profile.json";
    WriteFile(profile_, R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [{"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5},
                     {"names": ["personality"], "action": "SCMP_ACT_ERRNO",
                      "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"},
                               {"index": 0, "value": 9, "op": "SCMP_CMP_EQ"}]}]})");
  }

  // Adds a container that sleeps, as `change` makes it.
  void Add(const PodRef& pod, const std::string& name, const std::function<void(cri::ContainerConfig&)>& change) {
    cri::ContainerConfig config = ContainerOf(name, "sleep 100000");
    AddMount(config, CRISP_SELF, "/self").set_readonly(true);
    change(config);
    rows_.push_back({name, Start(pod, config), {}});
  }

  void SetNative(bool native) {
    std::string toml = ReadFile(node().paths().config_file());
    const std::string from = native ? "native_exec = false" : "native_exec = true";
    const std::string to = native ? "native_exec = true" : "native_exec = false";
    const size_t at = toml.find(from);
    ASSERT_NE(at, std::string::npos);
    WriteFile(node().paths().config_file(), toml.replace(at, from.size(), to));
    node().Restart();
  }

  // What the container's probe says through a terminal.
  std::string WithTerminal(const std::string& id) {
    cri::ExecRequest request;
    request.set_container_id(id);
    request.add_cmd("/self");
    request.set_tty(true);
    request.set_stdin(true);
    request.set_stdout(true);
    Spdy exec(UrlOf(request), /*with_resize=*/true);
    EXPECT_TRUE(exec.client->ReadUntilClosed());
    return exec.Output();
  }

  void Ask(const std::string& how) {
    for (Row& row : rows_) {
      const auto result = cri().Exec(row.id, {"/self", "an argument"});
      row.said[how] =
          result.ok() ? std::to_string(result.value.exit_code()) + "\n" + result.value.stdout() + result.value.stderr()
                      : Describe(result.status);
    }
  }

  // Natively runc must not be called: its wrapper fails then.
  void Compare() {
    node().wrappers().Fail("exec", "not to be called", 1);
    Ask("native");
    node().wrappers().Release("exec");
    SetNative(false);
    Ask("runc");
    for (const Row& row : rows_) {
      EXPECT_THAT(Only(row.said.at("native"), row.said.at("runc")), IsEmpty()) << row.name << ": only natively";
      EXPECT_THAT(Only(row.said.at("runc"), row.said.at("native")), IsEmpty()) << row.name << ": only by runc";
      EXPECT_THAT(row.said.at("runc"), HasSubstr("status Name:\tself")) << row.name;
    }
  }

  std::string profile_;
  std::vector<Row> rows_;
};

using Change = std::function<void(cri::LinuxContainerSecurityContext&)>;
struct Named {
  const char* name;
  Change change;
};

const Named kUsers[] = {
    {"root", [](auto&) {}},
    {"user", [](auto& security) { security.mutable_run_as_user()->set_value(1234); }},
    {"group",
     [](auto& security) {
       security.mutable_run_as_user()->set_value(1234);
       security.mutable_run_as_group()->set_value(2345);
       for (const int64_t gid : std::vector<int64_t>{10, 3456, 2147483647}) security.add_supplemental_groups(gid);
     }},
    {"name", [](auto& security) { security.set_run_as_username("app"); }},
};

const Named kRights[] = {
    {"default", [](auto&) {}},
    {"none", [](auto& security) { security.mutable_capabilities()->add_drop_capabilities("ALL"); }},
    {"all", [](auto& security) { security.mutable_capabilities()->add_add_capabilities("ALL"); }},
    {"ambient",
     [](auto& security) {
       security.mutable_capabilities()->add_drop_capabilities("ALL");
       security.mutable_capabilities()->add_add_ambient_capabilities("NET_BIND_SERVICE");
       security.mutable_capabilities()->add_add_capabilities("NET_BIND_SERVICE");
     }},
    {"privileged", [](auto& security) { security.set_privileged(true); }},
};

void Confine(cri::LinuxContainerSecurityContext& security, int how, const std::string& profile) {
  security.set_no_new_privs(how % 2 == 1);
  auto* seccomp = security.mutable_seccomp();
  seccomp->set_profile_type(how / 2 == 0   ? cri::SecurityProfile::Unconfined
                            : how / 2 == 1 ? cri::SecurityProfile::RuntimeDefault
                                           : cri::SecurityProfile::Localhost);
  if (how / 2 == 2) seccomp->set_localhost_ref(profile);
}

constexpr const char* kConfinements[] = {"open", "nnp", "seccomp", "seccomp-nnp", "profile", "profile-nnp"};

class NativeExecMatrixTest : public NativeExecGateTest, public ::testing::WithParamInterface<size_t> {};

// 6 × 5 of one user; 120 in all.
TEST_P(NativeExecMatrixTest, LooksAsByRuncForEachUserRightAndConfinement) {
  const Named& user = kUsers[GetParam()];
  cri::PodSandboxConfig config = PodConfig("matrix");
  Security(config).set_privileged(true);
  const PodRef pod = RunPod(config);
  for (int how = 0; how < 6; ++how) {
    for (const Named& rights : kRights) {
      const std::string name = std::string(user.name) + "-" + rights.name + "-" + kConfinements[how];
      Add(pod, name, [&](cri::ContainerConfig& container) {
        user.change(Security(container));
        rights.change(Security(container));
        Confine(Security(container), how, profile_);
      });
    }
  }
  Compare();
}

INSTANTIATE_TEST_SUITE_P(Users, NativeExecMatrixTest, ::testing::Range(size_t{0}, std::size(kUsers)),
                         [](const auto& test) { return kUsers[test.param].name; });

TEST_F(NativeExecGateTest, LooksAsByRuncWhateverElseAContainerHas) {
  Add(pod(), "directory", [](auto& config) { config.set_working_dir("/tmp"); });
  Add(pod(), "environment", [](auto& config) {
    AddEnv(config, "EMPTY", "");
    AddEnv(config, "SPACES", " a  b\nc ");
    AddEnv(config, "HOME", "/somewhere");
    AddEnv(config, "TERM", "dumb");
  });
  Add(pod(), "oom", [](auto& config) { config.mutable_linux()->mutable_resources()->set_oom_score_adj(789); });
  Add(pod(), "oom-low", [](auto& config) { config.mutable_linux()->mutable_resources()->set_oom_score_adj(-900); });
  Add(pod(), "limits", [](auto& config) {
    auto* resources = config.mutable_linux()->mutable_resources();
    resources->set_memory_limit_in_bytes(64 << 20);
    resources->set_cpu_shares(200);
    resources->set_cpu_quota(50000);
    resources->set_cpu_period(100000);
    resources->set_cpuset_cpus("0");
  });
  Add(pod(), "read-only", [](auto& config) { Security(config).set_readonly_rootfs(true); });
  Add(pod(), "terminal", [](auto& config) { config.set_tty(true); });
  Add(pod(), "stdin", [](auto& config) { config.set_stdin(true); });
  Add(pod(), "unmasked", [](auto& config) {
    Security(config).add_masked_paths("/proc/kcore");
    Security(config).add_readonly_paths("/proc/sys");
  });
  Add(pod(), "target", [this](auto& config) {
    Namespaces(config).set_pid(cri::TARGET);
    Namespaces(config).set_target_id(rows_.front().id);
  });
  Compare();
}

TEST_F(NativeExecGateTest, LooksAsByRuncInPodsThatShareNamespaces) {
  cri::PodSandboxConfig host_config = PodConfig("host");
  for (auto set :
       {&cri::NamespaceOption::set_network, &cri::NamespaceOption::set_pid, &cri::NamespaceOption::set_ipc}) {
    (Namespaces(host_config).*set)(cri::NODE);
  }
  host_config.clear_hostname();
  const PodRef host = RunPod(host_config);
  cri::PodSandboxConfig shared_config = PodConfig("shared");
  Namespaces(shared_config).set_pid(cri::POD);
  const PodRef shared = RunPod(shared_config);
  for (const PodRef* one : {&host, &shared}) {
    for (const bool privileged : {false, true}) {
      if (privileged && one == &shared) continue;
      Add(*one, one->config.metadata().name() + (privileged ? "-privileged" : ""), [&](auto& config) {
        *Security(config).mutable_namespace_options() = one->config.linux().security_context().namespace_options();
        if (!privileged) Security(config).mutable_seccomp();
      });
    }
  }
  Compare();
}

TEST_F(NativeExecGateTest, LooksAsByRuncWithATerminal) {
  const std::string root = Start(pod(), [] {
    cri::ContainerConfig config = ContainerOf("root", "sleep 100000");
    AddMount(config, CRISP_SELF, "/self").set_readonly(true);
    return config;
  }());
  const std::string user = Start(pod(), [] {
    cri::ContainerConfig config = ContainerOf("user", "sleep 100000");
    AddMount(config, CRISP_SELF, "/self").set_readonly(true);
    Security(config).mutable_run_as_user()->set_value(1234);
    Security(config).mutable_seccomp();
    Security(config).set_no_new_privs(true);
    return config;
  }());
  node().wrappers().Fail("exec", "not to be called", 1);
  const std::string natively[] = {WithTerminal(root), WithTerminal(user)};
  node().wrappers().Release("exec");
  SetNative(false);
  const std::string by_runc[] = {WithTerminal(root), WithTerminal(user)};
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Only(natively[i], by_runc[i]), IsEmpty());
    EXPECT_THAT(Only(by_runc[i], natively[i]), IsEmpty());
    EXPECT_THAT(natively[i], AllOf(HasSubstr("controlling-terminal 1"), HasSubstr("variable TERM=xterm")));
  }
}

// --- filters ---

// The oldest filter of a process, which is the one that it was started with.
std::vector<sock_filter> FilterOf(pid_t pid) {
  std::vector<sock_filter> filter;
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0 || ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) {
    throw std::runtime_error("cannot trace a process");
  }
  waitpid(pid, nullptr, __WALL);
  const long count = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, nullptr, nullptr);
  if (count > 0) {
    filter.resize(static_cast<size_t>(count));
    ptrace(PTRACE_SECCOMP_GET_FILTER, pid, nullptr, filter.data());
  }
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return filter;
}

// What a filter decides: it runs on the kernel's small machine (Documentation/networking/filter.rst), of which seccomp
// has these instructions only.
uint32_t Decide(const std::vector<sock_filter>& filter, const seccomp_data& data) {
  uint32_t a = 0;
  const auto* words = reinterpret_cast<const char*>(&data);
  for (size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& one = filter[at];
    switch (one.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        memcpy(&a, words + one.k, sizeof(a));
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= one.k;
        break;
      case BPF_JMP | BPF_JA:
        at += one.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == one.k ? one.jt : one.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += a > one.k ? one.jt : one.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= one.k ? one.jt : one.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (a & one.k) != 0 ? one.jt : one.jf;
        break;
      case BPF_RET | BPF_K:
        return one.k;
      default:
        throw std::runtime_error("an instruction that is not known: " + std::to_string(one.code));
    }
  }
  throw std::runtime_error("a filter without an end");
}

// Both decide the same for every number, and for arguments that some rule may look at.
void ExpectSame(const std::vector<sock_filter>& native, const std::vector<sock_filter>& runtime) {
  const uint64_t arguments[] = {0, 1, 2, 8, 9, 16, 38, 40, 0x20000, 0x20008, 0x7c020000, 0x10000000, 0xffffffff, ~0ULL};
  size_t different = 0;
  for (const uint32_t arch : {0xc000003eU, 0x40000003U, 0xc00000b7U, 0U}) {
    for (const uint32_t bit : {0U, 1U << 30, 1U << 31}) {
      for (uint32_t number = 0; number < 1024; ++number) {
        for (const uint64_t argument : arguments) {
          seccomp_data data{};
          data.nr = static_cast<int>(number | bit);
          data.arch = arch;
          for (auto& one : data.args) one = argument;
          if (Decide(native, data) != Decide(runtime, data) && ++different < 5) {
            ADD_FAILURE() << std::hex << "arch " << arch << " call " << (number | bit) << " argument " << argument
                          << ": " << Decide(native, data) << " natively, " << Decide(runtime, data) << " by runc";
          }
        }
      }
    }
  }
  EXPECT_EQ(different, 0u);
}

TEST_F(NativeExecGateTest, TheSeccompFilterDecidesAsTheContainersOwn) {
  int i = 0;
  for (const auto type : {cri::SecurityProfile::RuntimeDefault, cri::SecurityProfile::Localhost}) {
    for (const bool all : {false, true}) {
      ++i;
      cri::ContainerConfig config = ContainerOf("c" + std::to_string(i), "sleep 100000");
      Security(config).mutable_seccomp()->set_profile_type(type);
      if (type == cri::SecurityProfile::Localhost) Security(config).mutable_seccomp()->set_localhost_ref(profile_);
      if (all) Security(config).mutable_capabilities()->add_add_capabilities("ALL");
      const std::string id = Start(pod(), config);
      node().wrappers().Fail("exec", "not to be called", 1);
      const std::string mark = "4242" + std::to_string(i);
      auto exec = std::async(std::launch::async, [&] { return cri().Exec(id, {"sleep", mark}, 20); });
      const pid_t pid = PidByCommand("sleep " + mark);
      ExpectSame(FilterOf(pid), FilterOf(PidOf(id)));
      kill(pid, SIGKILL);
      exec.get();
    }
  }
}

}  // namespace
}  // namespace crisp::e2e
