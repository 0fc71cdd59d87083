// Plugins that fail: programs of the test stand in front of or between the real ones.
#include <gmock/gmock.h>

#include <thread>

#include "base/json.h"
#include "base/testing/counted.h"
#include "base/testing/wait.h"
#include "network/network.h"
#include "network/test_world.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const CallContext kCall = CallContext::WithTimeout(seconds(60));

// "ADD bridge: 1 timed, 0 failed", for each command that was to run.
std::vector<std::string> RunsOf(const NetworkCounters& counters) {
  std::vector<std::string> all;
  counters.plugins.ForEach([&](const std::string& type, const NetworkCounters::Plugin& plugin) {
    plugin.commands.ForEach([&](const std::string& command, const PluginRuns& runs) {
      all.push_back(
          absl::StrCat(command, " ", type, ": ", Counted(runs.times), " timed, ", runs.failures.value(), " failed"));
    });
  });
  return all;
}

class NetworkFaultTest : public TestWorld {
 protected:
  // The real bridge first, then `plugins` (after a comma).
  void StartWith(const std::string& plugins) {
    WriteConf("10-pods.conflist", List("pods", Bridge("cni0", 88) + plugins));
    StartNetwork();
    const auto planned = network_->Plan(NewPod("pod1", {{"tcp", 80, 8080, ""}}));
    ASSERT_TRUE(planned.ok()) << planned.status();
    attachment_ = *planned;
  }

  // ADD fails with a text that has `message`; then DEL leaves nothing.
  void AttachFailsWith(absl::StatusCode code, const std::string& message, const CallContext& call = kCall) {
    const absl::Status attached = network_->Attach(&attachment_, call).status();
    EXPECT_EQ(attached.code(), code) << attached;
    EXPECT_THAT(std::string(attached.message()), HasSubstr(message));
  }
  void DetachLeavesNothing() {
    const absl::Status detached = network_->Detach(attachment_, kCall);
    EXPECT_TRUE(detached.ok()) << detached;
    NothingIsLeft();
  }
  void NothingIsLeft() {
    for (const std::string& trace : Traces()) {
      EXPECT_THAT(trace, Not(AnyOf(HasSubstr("veth"), HasSubstr("lease"), HasSubstr("CNI-DN-"), HasSubstr("10.88."),
                                   HasSubstr("pod1"))));
    }
  }
  std::string ReadFile(const std::string& name) {
    return ReadFileAt(AT_FDCWD, dir_ + "/" + name, 1 << 20).value_or("");
  }

  CniAttachment attachment_;
  int pods_ = 0;
};

// A process that has ended but that its new parent has not reaped has no command line any more.
bool IsRunning(pid_t pid) {
  return !ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/cmdline"), 4096).value_or("").empty();
}

constexpr char kPassOnAdd[] = R"([ "$CNI_COMMAND" = ADD ] || exit 0)";

TEST_F(NetworkFaultTest, AnErrorOfAPluginIsToldInItsWords) {
  WritePlugin(
      "bad", std::string(kPassOnAdd) +
                 R"(; echo '{"cniVersion":"1.0.0","code":11,"msg":"no room","details":"pool of 5 is empty"}'; exit 1)");
  StartWith(R"(,{"type":"bad"})");
  AttachFailsWith(absl::StatusCode::kInternal, "plugin bad (10-pods.conflist): ADD: no room: pool of 5 is empty");
  EXPECT_THAT(testing::PrintToString(Traces()), HasSubstr("lease")) << "the bridge before it has done its work";
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, RunsAndFailuresAreCountedByCommandAndPlugin) {
  WritePlugin("bad", std::string(kPassOnAdd) + "; exit 7");
  StartWith(R"(,{"type":"bad"})");
  AttachFailsWith(absl::StatusCode::kInternal, "exit status 7");
  DetachLeavesNothing();
  EXPECT_THAT(RunsOf(network_->counters()),
              ElementsAre("ADD bad: 1 timed, 1 failed", "DEL bad: 1 timed, 0 failed", "ADD bridge: 1 timed, 0 failed",
                          "DEL bridge: 1 timed, 0 failed"));
  unlink((dir_ + "/bin/bad").c_str());
  AttachFailsWith(absl::StatusCode::kInternal, "no program bad");
  EXPECT_THAT(RunsOf(network_->counters()), Contains("ADD bad: 1 timed, 2 failed")) << "what did not run took no time";
}

TEST_F(NetworkFaultTest, AnErrorWithoutTheSpecsFormIsToldAsItIs) {
  WritePlugin("bad", std::string(kPassOnAdd) + "; echo oops; echo 'cannot open shop' >&2; exit 7");
  StartWith(R"(,{"type":"bad"})");
  AttachFailsWith(absl::StatusCode::kInternal,
                  "plugin bad (10-pods.conflist): ADD: exit status 7: cannot open shop; it wrote: oops");
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, AnErrorOfARealPluginIsTold) {
  // host-local has two addresses (of a /30) and both are taken.
  std::string bridge = Bridge("cni0", 88);
  bridge.replace(bridge.find("0.0/24"), 6, "0.0/30");
  WriteConf("10-pods.conflist", List("pods", bridge));
  StartNetwork();
  CniAttachment first = *network_->Plan(NewPod("first"));
  ASSERT_TRUE(network_->Attach(&first, kCall).ok());
  attachment_ = *network_->Plan(NewPod("pod1"));
  AttachFailsWith(absl::StatusCode::kInternal, "plugin bridge (10-pods.conflist): ADD: ");
  EXPECT_TRUE(network_->Detach(attachment_, kCall).ok());
  EXPECT_TRUE(network_->Detach(first, kCall).ok());
  NothingIsLeft();
}

TEST_F(NetworkFaultTest, APluginThatHangsIsKilledAtTheDeadlineWithItsChildren) {
  WritePlugin("slow", std::string(kPassOnAdd) + "; sleep 61 & echo $! > " + dir_ + "/child; wait");
  StartWith(R"(,{"type":"slow"})");
  const MonoTime start = MonoClock::now();
  AttachFailsWith(absl::StatusCode::kDeadlineExceeded, "plugin slow (10-pods.conflist): ADD has not ended in",
                  CallContext::WithTimeout(seconds(2)));
  EXPECT_LT(MonoClock::now() - start, seconds(10));
  const std::string child = ReadFile("child");
  ASSERT_NE(child, "");
  EXPECT_TRUE(Eventually([&] { return !IsRunning(std::stoi(child)); }, seconds(3)));
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, ACallerThatGoesEndsThePlugin) {
  WritePlugin("slow", std::string(kPassOnAdd) + "; touch " + dir_ + "/started; exec sleep 61");
  StartWith(R"(,{"type":"slow"})");
  AttachFailsWith(absl::StatusCode::kCancelled, "plugin slow (10-pods.conflist): ADD",
                  CallContext(kNoDeadline, [this] { return Exists(dir_ + "/started"); }));
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, APluginThatIsKilledIsAnError) {
  WritePlugin("victim", std::string(kPassOnAdd) + "; kill -9 $$");
  StartWith(R"(,{"type":"victim"})");
  AttachFailsWith(absl::StatusCode::kInternal, "plugin victim (10-pods.conflist): ADD: killed by signal 9");
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, TheBridgeKilledHalfWayLeavesNothing) {
  // The real bridge is killed while its IPAM plugin waits, after the lease was taken and the veth made.
  WritePlugin("host-local", R"([ "$CNI_COMMAND" = ADD ] || exec /usr/lib/cni/host-local
/usr/lib/cni/host-local || exit 1
kill -9 $PPID; sleep 0.2)");
  StartWith("");
  AttachFailsWith(absl::StatusCode::kInternal, "plugin bridge (10-pods.conflist): ADD: killed by signal 9");
  EXPECT_THAT(testing::PrintToString(Traces()), AllOf(HasSubstr("lease"), HasSubstr("veth")));
  EXPECT_EQ(attachment_.result, "");
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, GarbageForAResultIsAnError) {
  for (const auto& [output, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "ADD answered \"\": empty"},
           {"hello", "ADD answered \"hello\": not JSON: parse error at line 1"},
           {"[]", "not an object"},
           {R"({"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3"}]})", "not an address with a prefix"},
           {R"({"cniVersion":"0.2.0","ip4":{"ip":"10.1.2.3/24"}})", "CNI 0.2.0"}}) {
    WritePlugin("bad", std::string(kPassOnAdd) + "; cat > /dev/null; printf '%s' '" + output + "'");
    StartWith(R"(,{"type":"bad"})");
    AttachFailsWith(absl::StatusCode::kInternal, message);
    DetachLeavesNothing();
    EXPECT_TRUE(RemoveNetns("/run/netns/pod1").ok());
  }
}

TEST_F(NetworkFaultTest, AFloodForAResultIsAnErrorOfBoundedSize) {
  WritePlugin("bad", std::string(kPassOnAdd) + "; head -c 20000000 /dev/zero");
  StartWith(R"(,{"type":"bad"})");
  const absl::Status attached = network_->Attach(&attachment_, kCall).status();
  EXPECT_FALSE(attached.ok());
  EXPECT_LT(attached.message().size(), 5000u);
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, AMissingPluginIsNamed) {
  StartWith(R"(,{"type":"nowhere"})");
  const absl::Status ready = network_->Ready();
  EXPECT_EQ(ready.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(ready.message()), AllOf(HasSubstr("10-pods.conflist"), HasSubstr("no program nowhere in")));
  AttachFailsWith(absl::StatusCode::kInternal, "plugin nowhere (10-pods.conflist): no program nowhere in");
  const absl::Status detached = network_->Detach(attachment_, kCall);
  EXPECT_THAT(std::string(detached.message()), HasSubstr("plugin nowhere (10-pods.conflist): no program nowhere"));
  NothingIsLeft();
  WritePlugin("nowhere", "exit 0");
  EXPECT_TRUE(network_->Ready().ok());
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, ADelThatFailsDoesNotStopTheOthersAndSucceedsAtARetry) {
  WritePlugin("moody", R"(if [ "$CNI_COMMAND" = ADD ]; then sed 's/.*"prevResult":\(.*\),"type".*/\1/'; exit; fi
[ -e )" + dir_ + R"(/well ] && exit 0
echo '{"cniVersion":"1.0.0","code":999,"msg":"not today"}'; exit 1)");
  StartWith("," + Portmap() + R"(,{"type":"moody"},{"type":"moody"})");
  const auto attached = network_->Attach(&attachment_, kCall);
  ASSERT_TRUE(attached.ok()) << attached.status();

  const absl::Status detached = network_->Detach(attachment_, kCall);
  EXPECT_EQ(std::string(detached.message()),
            "plugin moody (10-pods.conflist): DEL: not today; and then: "
            "plugin moody (10-pods.conflist): DEL: not today");
  NothingIsLeft();
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/well", "", 0600).ok());
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, AFirstDelMayFailAfterAnAddThatFailed) {
  WritePlugin("torn", R"([ "$CNI_COMMAND" = ADD ] && { touch )" + dir_ + R"(/half; exit 1; }
rm )" + dir_ + R"(/half && { echo '{"cniVersion":"1.0.0","code":999,"msg":"half made"}'; exit 1; }; exit 0)");
  StartWith(R"(,{"type":"torn"})");
  AttachFailsWith(absl::StatusCode::kInternal, "plugin torn (10-pods.conflist): ADD");
  DetachLeavesNothing();
}

// The real plugins of Debian 12 do not know GC. This one keeps a file for each container.
constexpr char kLedger[] = R"sh(input=$(cat)
case $CNI_COMMAND in
ADD) touch $held/$CNI_CONTAINERID-$CNI_IFNAME; echo '{"cniVersion":"1.1.0","ips":[{"address":"10.88.0.2/24"}]}' ;;
DEL) rm -f $held/$CNI_CONTAINERID-$CNI_IFNAME ;;
GC) echo "$input" > $held.config; env | grep ^CNI_ | sort > $held.env; rm -f $held/*
    for id in $(echo "$input" | tr '{' '\n' | sed -n 's/.*"containerID":"\([^"]*\)","ifname":"\([^"]*\)".*/\1-\2/p'); do
      touch $held/$id; done ;;
esac)sh";

// "bridge: OK", of each plugin of attachment_.
std::vector<std::string> AnswersOf(const absl::StatusOr<std::vector<PluginCheck>>& checks) {
  std::vector<std::string> answers;
  if (!checks.ok()) return {std::string(checks.status().message())};
  for (const PluginCheck& check : *checks) {
    answers.push_back(absl::StrCat(check.plugin, ": ", check.status.ok() ? "OK" : check.status.message()));
  }
  return answers;
}

TEST_F(NetworkFaultTest, CheckTellsWhetherTheNetworkIsAsAddHasMadeIt) {
  StartWith("," + Portmap());
  const PodNetworkRequest pod = NewPod("pod2");
  attachment_ = *network_->Plan(pod);
  ASSERT_TRUE(network_->Attach(&attachment_, kCall).ok());
  EXPECT_THAT(AnswersOf(network_->Check(attachment_, kCall)), ElementsAre("bridge: OK", "portmap: OK"));
  ASSERT_TRUE(RunInNetns(pod.netns_path, [] {
                Command command;
                command.path = "/bin/ip";
                command.args = {"route", "del", "default"};
                return RunCommand(command, kCall)->ok() ? absl::OkStatus() : absl::InternalError(command.path);
              }).ok());
  EXPECT_THAT(AnswersOf(network_->Check(attachment_, kCall)),
              ElementsAre(AllOf(HasSubstr("bridge: CHECK: "), HasSubstr("Route")), "portmap: OK"));
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, APluginThatHangsInCheckDoesNotUseUpTheTimeOfTheOthers) {
  const std::string result = R"(echo '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.2.3/24"}]}')";
  WritePlugin("spy", "cat > " + dir_ + "/stdin.$CNI_COMMAND; " + result);
  WritePlugin("slow", "[ $CNI_COMMAND = CHECK ] && exec sleep 61; " + result);
  const auto check = [&](const std::string& version, const std::string& more) {
    WriteConf("10-pods.conflist", R"({"cniVersion":")" + version + R"(","name":"pods",)" + more +
                                      R"("plugins":[{"type":"spy"},{"type":"slow"},{"type":"spy"}]})");
    StartNetwork();
    attachment_ = *network_->Plan(NewPod(absl::StrCat("pod", ++pods_)));
    unlink((dir_ + "/stdin.CHECK").c_str());
    const auto attached = network_->Attach(&attachment_, kCall);
    EXPECT_TRUE(attached.ok()) << attached.status();
    return AnswersOf(network_->Check(attachment_, CallContext::WithTimeout(seconds(3))));
  };
  EXPECT_THAT(check("0.4.0", ""), ElementsAre("spy: OK", HasSubstr("slow: CHECK has not ended"), "spy: OK"));
  const Json told = *ParseJsonObject(ReadFile("stdin.CHECK"));
  EXPECT_EQ(told["prevResult"]["ips"][0]["address"], "10.1.2.3/24");
  EXPECT_THAT(check("0.3.1", ""), ElementsAre(": CNI 0.3.1 has no CHECK"));
  EXPECT_THAT(check("1.0.0", R"("disableCheck":true,)"), ElementsAre(": its configuration has disableCheck"));
  EXPECT_EQ(ReadFile("stdin.CHECK"), "") << "no plugin was asked";
}

TEST_F(NetworkFaultTest, GcReleasesWhatIsHeldForOtherPods) {
  ASSERT_TRUE(MakeDirs(dir_ + "/held", 0755).ok());
  WritePlugin("ledger", "held=" + dir_ + "/held\n" + kLedger);
  WriteConf("10-pods.conflist", R"({"cniVersion":"1.1.0","name":"pods","plugins":[{"type":"ledger","mine":1}]})");
  StartNetwork();
  std::vector<std::string> plans;
  for (const char* id : {"pod1", "pod2"}) {
    attachment_ = *network_->Plan(NewPod(id));
    ASSERT_EQ(network_->Attach(&attachment_, kCall).status(), absl::OkStatus());
    plans.push_back(attachment_.plan);
  }
  EXPECT_THAT(*ListDir(dir_ + "/held"), ElementsAre("pod1-eth0", "pod2-eth0"));
  EXPECT_EQ(network_->CollectGarbage([&] { return std::vector<std::string>{plans[1]}; }, kCall), absl::OkStatus());
  EXPECT_THAT(*ListDir(dir_ + "/held"), ElementsAre("pod2-eth0"));
  const Json config = *ParseJsonObject(ReadFile("held.config"));
  EXPECT_EQ(config["cniVersion"], "1.1.0");
  EXPECT_EQ(config["name"], "pods");
  EXPECT_EQ(config["mine"], 1);
  EXPECT_EQ(config["cni.dev/valid-attachments"], (Json{{{"containerID", "pod2"}, {"ifname", "eth0"}}}));
  EXPECT_THAT(ReadFile("held.env"), AllOf(HasSubstr("CNI_COMMAND=GC"), HasSubstr("CNI_CONTAINERID=\n")));
  EXPECT_NE(network_->CollectGarbage([] { return std::vector<std::string>{"no plan"}; }, kCall), absl::OkStatus());
  EXPECT_THAT(*ListDir(dir_ + "/held"), ElementsAre("pod2-eth0")) << "whose pods cannot be read, nothing is released";
}

TEST_F(NetworkFaultTest, GcRunsOnlyWhereAConfigurationHasIt) {
  WriteConf("10-old.conflist", R"({"cniVersion":"1.0.0","name":"old","plugins":[{"type":"nowhere"}]})");
  WriteConf("20-off.conflist",
            R"({"cniVersion":"1.1.0","name":"off","disableGC":true,"plugins":[{"type":"nowhere"}]})");
  options_.conf_dir.max_conf_num = 0;
  StartNetwork();
  EXPECT_EQ(network_->CollectGarbage([] { return std::vector<std::string>(); }, kCall).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(NetworkFaultTest, GcRunsAlone) {
  WritePlugin("slow", R"(cat > /dev/null; echo begin $CNI_COMMAND >> )" + dir_ + R"(/order; sleep 0.3
echo end $CNI_COMMAND >> )" +
                          dir_ + R"(/order
[ $CNI_COMMAND != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.88.0.2/24"}]}')");
  WriteConf("10-pods.conflist", R"({"cniVersion":"1.1.0","name":"pods","plugins":[{"type":"slow"}]})");
  StartNetwork();
  attachment_ = *network_->Plan(NewPod("pod1"));
  const auto no_plans = [] { return std::vector<std::string>(); };
  std::thread attach([&] { EXPECT_EQ(network_->Attach(&attachment_, kCall).status(), absl::OkStatus()); });
  std::thread collect([&] { EXPECT_EQ(network_->CollectGarbage(no_plans, kCall), absl::OkStatus()); });
  attach.join();
  collect.join();
  EXPECT_THAT(ReadFile("order"),
              AnyOf("begin ADD\nend ADD\nbegin GC\nend GC\n", "begin GC\nend GC\nbegin ADD\nend ADD\n"));
}

TEST_F(NetworkFaultTest, ADelThatHangsDoesNotUseUpTheTimeOfTheOthers) {
  WritePlugin("slow", R"([ "$CNI_COMMAND" = DEL ] && exec sleep 61; sed 's/.*"prevResult":\(.*\),"type".*/\1/')");
  StartWith("," + Portmap() + R"(,{"type":"slow"})");
  const auto attached = network_->Attach(&attachment_, kCall);
  ASSERT_TRUE(attached.ok()) << attached.status();
  const absl::Status detached = network_->Detach(attachment_, CallContext::WithTimeout(seconds(6)));
  EXPECT_EQ(detached.code(), absl::StatusCode::kDeadlineExceeded) << detached;
  EXPECT_THAT(std::string(detached.message()), HasSubstr("plugin slow (10-pods.conflist): DEL has not ended in"));
  EXPECT_THAT(std::string(detached.message()), Not(HasSubstr("and then")));
  NothingIsLeft();
}

TEST_F(NetworkFaultTest, TheSecondNetworkFailsAndTheFirstIsCleanedWithItsResult) {
  WritePlugin("bad", std::string(kPassOnAdd) + "; exit 1");
  WriteConf("10-pods.conflist", List("pods", Bridge("cni0", 88) + "," + Portmap()));
  WriteConf("20-bad.conflist", List("bad", R"({"type":"bad"})"));
  options_.conf_dir.max_conf_num = 0;
  StartNetwork();
  attachment_ = *network_->Plan(NewPod("pod1", {{"tcp", 80, 8080, ""}}));
  AttachFailsWith(absl::StatusCode::kInternal, "plugin bad (20-bad.conflist)");
  EXPECT_THAT(attachment_.result, HasSubstr("10.88.0."));
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, AMissingNamespaceIsAnErrorOfAttach) {
  StartWith("");
  ASSERT_TRUE(RemoveNetns("/run/netns/pod1").ok());
  AttachFailsWith(absl::StatusCode::kInternal, "/run/netns/pod1");
  DetachLeavesNothing();
}

TEST_F(NetworkFaultTest, ANetworkThatGivesNoAddressIsAnErrorUnlessTheInterfaceHasOne) {
  WritePlugin("mute", R"([ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.0.0"}'; exit 0)");
  WriteConf("10-pods.conflist", List("pods", R"({"type":"mute"})"));
  StartNetwork();
  attachment_ = *network_->Plan(NewPod("pod1"));
  AttachFailsWith(absl::StatusCode::kInternal, "10-pods.conflist");
  EXPECT_TRUE(network_->Detach(attachment_, kCall).ok());

  WriteConf("10-pods.conflist", List("pods", Bridge("cni0", 88) + R"(,{"type":"mute"})"));
  attachment_ = *network_->Plan(NewPod("pod2"));
  const auto attached = network_->Attach(&attachment_, kCall);
  ASSERT_TRUE(attached.ok()) << attached.status();
  EXPECT_TRUE(absl::StartsWith(attached->ip, "10.88.0.")) << attached->ip;
  EXPECT_TRUE(network_->Detach(attachment_, kCall).ok());
}

TEST_F(NetworkFaultTest, TheConfigurationSaysWhichAddressComesFirst) {
  WritePlugin("two", R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24"},{"address":"fd00::2/64"},)"
                     R"({"address":"fd00::3/64"}]}')");
  WriteConf("10-pods.conflist", List("pods", R"({"type":"two"})"));
  options_.choice = CniOptions::Choice::kIpv6;
  StartNetwork();
  attachment_ = *network_->Plan(NewPod("pod1"));
  const auto ipv6 = network_->Attach(&attachment_, kCall);
  ASSERT_TRUE(ipv6.ok()) << ipv6.status();
  EXPECT_EQ(ipv6->ip, "fd00::2");
  EXPECT_EQ(ipv6->additional_ips, (std::vector<std::string>{"10.1.2.3", "fd00::3"}));

  WritePlugin("two", R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"fd00::2/64"},{"address":"10.1.2.3/24"}]}')");
  options_.choice = CniOptions::Choice::kFirst;
  StartNetwork();
  CniAttachment other = *network_->Plan(NewPod("pod2"));
  const auto first = network_->Attach(&other, kCall);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->ip, "fd00::2");
  EXPECT_EQ(first->additional_ips, std::vector<std::string>{"10.1.2.3"});
}

TEST_F(NetworkFaultTest, APluginSeesWhatTheSpecSaysAndNothingElse) {
  ASSERT_EQ(setenv("CRISP_SECRET", "x", 1), 0);
  WritePlugin("spy", "env > " + dir_ + "/env.$CNI_COMMAND; cat > " + dir_ + "/stdin.$CNI_COMMAND; " +
                         R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"fd00::2/64"},{"address":"10.1.2.3/24"}]}')");
  WriteConf(
      "10-pods.conflist",
      List("pods", R"({"type":"spy","capabilities":{"portMappings":true,"bandwidth":true},"mine":1},{"type":"spy"})"));
  StartNetwork();
  PodNetworkRequest pod = NewPod("pod1", {{"tcp", 80, 8080, "127.0.0.1"}});
  pod.bandwidth.egress = 10'000'000;
  attachment_ = *network_->Plan(pod);
  const auto attached = network_->Attach(&attachment_, kCall);
  ASSERT_TRUE(attached.ok()) << attached.status();
  EXPECT_EQ(attached->ip, "10.1.2.3") << "IPv4 is shown first";
  EXPECT_EQ(attached->additional_ips, std::vector<std::string>{"fd00::2"});

  const std::string env = ReadFile("env.ADD");
  for (const std::string& expected : std::vector<std::string>{
           "CNI_COMMAND=ADD\n", "CNI_CONTAINERID=pod1\n", "CNI_NETNS=/run/netns/pod1\n", "CNI_IFNAME=eth0\n",
           "CNI_PATH=" + dir_ + "/bin:/usr/lib/cni\n",
           "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=pod1;"
           "K8S_POD_UID=4ab0b9c5-6f0c-4c0b-8b1e-6c5d1c3a9f00\n"}) {
    EXPECT_THAT(env, HasSubstr(expected));
  }
  EXPECT_THAT(env, Not(HasSubstr("CRISP_SECRET")));

  const Json second = *ParseJsonObject(ReadFile("stdin.ADD"));
  EXPECT_EQ(second["name"], "pods");
  EXPECT_EQ(second["cniVersion"], "1.0.0");
  EXPECT_EQ(second["prevResult"]["ips"].size(), 2u);
  EXPECT_FALSE(second.contains("runtimeConfig")) << "it has not declared the capability";

  ASSERT_TRUE(network_->Detach(attachment_, kCall).ok());
  const Json first = *ParseJsonObject(ReadFile("stdin.DEL"));
  EXPECT_EQ(first["mine"], 1) << "the first plugin comes last at DEL";
  EXPECT_EQ(first["prevResult"]["ips"].size(), 2u);
  EXPECT_FALSE(first.contains("capabilities"));
  EXPECT_EQ(first["runtimeConfig"]["bandwidth"],
            *std::make_unique<Json>(Json::parse(R"({"egressRate":10000000,"egressBurst":4294967295})")));
  EXPECT_EQ(first["runtimeConfig"]["portMappings"],
            *std::make_unique<Json>(
                Json::parse(R"([{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":"127.0.0.1"}])")));
}

// In ADD and in DEL, whatever version the network has.
TEST_F(NetworkFaultTest, APluginGetsWhatItDeclaresOfTheRuntimeConfig) {
  const std::string all =
      R"("capabilities":{"portMappings":true,"bandwidth":true,"ipRanges":true,"dns":true,"cgroupPath":true,)"
      R"("io.kubernetes.cri.pod-annotations":true,"aliases":true})";
  WritePlugin("spy", "cat > " + dir_ + "/stdin.$CNI_COMMAND; " +
                         R"(echo '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.1.2.3/24"}]}')");
  for (const std::string version : {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
    WriteConf("10-pods.conflist",
              R"({"cniVersion":")" + version + R"(","name":"pods","plugins":[{"type":"spy",)" + all + "}]}");
    StartNetwork();
    ASSERT_TRUE(network_->SetPodCidrs("10.1.2.0/24,fd00:1::/64").ok());
    PodNetworkRequest pod = NewPod("pod-" + version, {{"udp", 53, 5353, ""}});
    pod.bandwidth.ingress = 1000;
    pod.dns = PodDns{{"10.96.0.10"}, {"svc.cluster.local"}, {"ndots:5"}};
    pod.cgroup_parent = "/kubepods/pod1";
    pod.annotations = {{"a", "b"}};
    attachment_ = *network_->Plan(pod);
    ASSERT_TRUE(network_->Attach(&attachment_, kCall).ok());
    ASSERT_TRUE(network_->Detach(attachment_, kCall).ok());
    for (const char* file : {"stdin.ADD", "stdin.DEL"}) {
      const Json told = *ParseJsonObject(ReadFile(file));
      EXPECT_EQ(told["cniVersion"], version);
      EXPECT_EQ(DumpJson(told["runtimeConfig"]),
                R"({"bandwidth":{"ingressBurst":4294967295,"ingressRate":1000},"cgroupPath":"/kubepods/pod1",)"
                R"("dns":{"options":["ndots:5"],"searches":["svc.cluster.local"],"servers":["10.96.0.10"]},)"
                R"("io.kubernetes.cri.pod-annotations":{"a":"b"},)"
                R"("ipRanges":[[{"subnet":"10.1.2.0/24"}],[{"subnet":"fd00:1::/64"}]],)"
                R"("portMappings":[{"containerPort":53,"hostIP":"","hostPort":5353,"protocol":"udp"}]})")
          << version << " " << file;
    }
  }
}

TEST_F(NetworkFaultTest, WhatNoPluginDeclaresIsNotRecorded) {
  StartWith("");
  PodNetworkRequest pod = NewPod("pod2");
  pod.annotations = {{"a", std::string(1000, 'x')}};
  EXPECT_THAT(network_->Plan(pod)->plan, Not(HasSubstr("xxx")));
}

// The kubelet tells the ranges once.
TEST_F(NetworkFaultTest, TheNextDaemonKnowsTheNodesRanges) {
  options_.pod_cidrs_file = dir_ + "/pod-cidrs";
  WritePlugin("spy", "");
  WriteConf("10-pods.conflist", List("pods", R"({"type":"spy","capabilities":{"ipRanges":true}})"));
  const auto planned = [&] {
    StartNetwork();
    return network_->Plan(NewPod(absl::StrCat("pod", ++pods_)))->plan;
  };
  EXPECT_THAT(planned(), Not(HasSubstr("ipRanges\":[[")));
  EXPECT_FALSE(network_->SetPodCidrs("10.1.2.0/24,x").ok());
  EXPECT_THAT(planned(), Not(HasSubstr("ipRanges\":[[")));
  ASSERT_TRUE(network_->SetPodCidrs("10.1.2.0/24").ok());
  ASSERT_TRUE(network_->SetPodCidrs("").ok()) << "this tells nothing";
  EXPECT_THAT(planned(), HasSubstr(R"("ipRanges":[[{"subnet":"10.1.2.0/24"}]])"));
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, options_.pod_cidrs_file, "rubbish", 0600).ok());
  EXPECT_THAT(planned(), Not(HasSubstr("ipRanges\":[[")));
  options_.pod_cidrs_file = dir_ + "/none/pod-cidrs";
  StartNetwork();
  EXPECT_TRUE(network_->SetPodCidrs("10.1.2.0/24").ok()) << "what cannot be kept is used nevertheless";
  EXPECT_THAT(network_->Plan(NewPod("last"))->plan, HasSubstr(R"("ipRanges":[[{"subnet":"10.1.2.0/24"}]])"));
}

TEST_F(NetworkFaultTest, ARecordThatCannotBeReadIsAnErrorThatSaysWhich) {
  StartWith("");
  for (const std::string& plan : std::vector<std::string>{"{", "[]", "{}", R"({"version":2})", R"({"version":1})"}) {
    const absl::Status detached = network_->Detach({.plan = plan, .result = ""}, kCall);
    EXPECT_EQ(detached.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(detached.message()), HasSubstr("the recorded network plan")) << plan;
  }
  const absl::Status detached = network_->Detach({.plan = attachment_.plan, .result = "{"}, kCall);
  EXPECT_THAT(std::string(detached.message()), HasSubstr("the recorded network result"));
}

TEST_F(NetworkFaultTest, WhatCannotBeHandedToPluginsIsRefused) {
  StartWith("");
  PodNetworkRequest request = NewPod("pod2");
  request.name = "x;K8S_POD_UID=0";
  EXPECT_EQ(network_->Plan(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.name = "web-0";
  request.pod_id = "../pod";
  EXPECT_EQ(network_->Plan(request).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace crisp
