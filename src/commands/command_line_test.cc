#include "commands/command_line.h"

#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CommandLine LineOf(const std::vector<std::string>& args) {
  const auto parsed = ParseCommandLine(args);
  if (const Answer* answer = std::get_if<Answer>(&parsed)) {
    ADD_FAILURE() << answer->out << answer->err;
    return {};
  }
  return std::get<CommandLine>(parsed);
}

Answer AnswerOf(const std::vector<std::string>& args) {
  const auto parsed = ParseCommandLine(args);
  if (const Answer* answer = std::get_if<Answer>(&parsed)) return *answer;
  ADD_FAILURE() << "a command to run";
  return {};
}

TEST(CommandLineTest, WithoutACommandItServes) {
  EXPECT_EQ(LineOf({}).verb, Verb::kServe);
  EXPECT_EQ(LineOf({}).config, "");
  EXPECT_EQ(LineOf({"--config", "/a.toml"}).config, "/a.toml");
  EXPECT_EQ(LineOf({"--config=/a.toml"}).config, "/a.toml");
}

TEST(CommandLineTest, EachCommandOfConfigTakesItsOptions) {
  EXPECT_EQ(LineOf({"config", "default"}).verb, Verb::kConfigDefault);
  EXPECT_EQ(LineOf({"config", "dump"}).verb, Verb::kConfigDump);
  EXPECT_EQ(LineOf({"config", "dump", "--config", "/a.toml"}).config, "/a.toml");

  const CommandLine check = LineOf({"config", "check", "--strict", "/a.toml"});
  EXPECT_EQ(check.verb, Verb::kConfigCheck);
  EXPECT_EQ(check.file, "/a.toml");
  EXPECT_TRUE(check.strict);
  EXPECT_FALSE(LineOf({"config", "check", "/a.toml"}).strict);

  const CommandLine explain = LineOf({"config", "explain", "grpc.address"});
  EXPECT_EQ(explain.verb, Verb::kConfigExplain);
  EXPECT_EQ(explain.key, "grpc.address");

  const CommandLine migrate = LineOf({"config", "migrate", "/a.toml", "--write"});
  EXPECT_EQ(migrate.verb, Verb::kConfigMigrate);
  EXPECT_EQ(migrate.file, "/a.toml");
  EXPECT_TRUE(migrate.write);
}

TEST(CommandLineTest, HelpAndVersionAreAnswersOnStdout) {
  for (const char* flag : {"--help", "-h"}) {
    const Answer help = AnswerOf({flag});
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, AllOf(HasSubstr("--config FILE"), HasSubstr("SIGUSR1"), HasSubstr("Exit status")));
    EXPECT_THAT(help.err, IsEmpty());
  }
  EXPECT_EQ(AnswerOf({"--version"}).out, "crispd " CRISP_VERSION "\n");
  EXPECT_THAT(AnswerOf({"config", "migrate", "--help"}).out, AllOf(HasSubstr("--write"), HasSubstr("Examples")));
}

TEST(CommandLineTest, AWrongLineIsNamedAndEndsWithTheStatusOfWrongUse) {
  const std::vector<std::vector<std::string>> wrong = {{"--nonsense"},
                                                       {"serve"},
                                                       {"--config"},
                                                       {"config"},
                                                       {"config", "x"},
                                                       {"config", "check"},
                                                       {"config", "explain"},
                                                       {"config", "check", "a", "b"},
                                                       {"--config", "a", "--config", "b"}};
  for (const auto& args : wrong) {
    const Answer answer = AnswerOf(args);
    SCOPED_TRACE(testing::PrintToString(args));
    EXPECT_EQ(answer.status, kExitUsage);
    EXPECT_THAT(answer.out, IsEmpty());
    EXPECT_THAT(answer.err, HasSubstr("--help"));
  }
  EXPECT_THAT(AnswerOf({"--nonsense"}).err, HasSubstr("--nonsense"));
}

TEST(CommandLineTest, TheDoctorTakesSeveralChecks) {
  const CommandLine line = LineOf({"doctor", "--config", "/a.toml", "--check", "disk", "--check", "cni", "--json",
                                   "--kubelet-config", "/k.yaml", "--kubelet-url", "http://127.0.0.1:8001"});
  EXPECT_EQ(line.verb, Verb::kDoctor);
  EXPECT_EQ(line.config, "/a.toml");
  EXPECT_THAT(line.doctor.checks, ElementsAre("disk", "cni"));
  EXPECT_TRUE(line.doctor.json);
  EXPECT_EQ(line.doctor.kubelet_config, "/k.yaml");
  EXPECT_EQ(line.doctor.kubelet_url, "http://127.0.0.1:8001");
  EXPECT_EQ(AnswerOf({"doctor", "disk"}).status, kExitUsage);
}

TEST(CommandLineTest, ManualsGetEveryCommandThatDoesSomething) {
  std::vector<std::string> names;
  for (const CommandHelp& help : CommandHelps()) names.push_back(help.name);
  EXPECT_THAT(names, ElementsAre("crispd", "crispd config default", "crispd config dump", "crispd config check",
                                 "crispd config explain", "crispd config migrate", "crispd doctor"));
}

TEST(CommandLineTest, ManualsGetOptionsAndOperands) {
  const auto helps = CommandHelps();
  std::vector<std::string> names;
  for (const OptionHelp& option : helps[3].options) names.push_back(option.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("-h --help", "FILE", "--strict"));
}

}  // namespace
}  // namespace crisp
