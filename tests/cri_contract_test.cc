// api/cri/api.proto against tests/cri-v1-contract.txt, in both directions. Either side is turned into a set of facts,
// one line for each service, RPC, message, field, enum and value; what only one side has is the difference.
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "api/cri/cri.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using testing::IsEmpty;

using Facts = std::set<std::string>;

// The table's side.

// Turns the lines of the table into facts: every line that stands indented belongs to the heading above it.
class TableReader {
 public:
  // False for a line that is not understood.
  bool Read(const std::string& line) {
    if (absl::StripAsciiWhitespace(line).empty() || line[0] == '#') return true;
    size_t indent = line.find_first_not_of(' ');
    std::string text(absl::StripAsciiWhitespace(line));
    std::vector<std::string> words = absl::StrSplit(text, absl::MaxSplits(' ', 1));
    if (words.size() != 2) return false;
    if (indent == 0) return ReadHeading(words[0], words[1]);
    if (words[0] == "enum") {
      nested_enum_ = absl::StrCat(heading_, ".", words[1]);
      return Add("enum ", nested_enum_);
    }
    if (indent == 2) nested_enum_.clear();
    if (words[0] == "rpc") return kind_ == "service" && Add("rpc ", heading_, ".", words[1]);
    if (!nested_enum_.empty()) return Add("value ", nested_enum_, " ", text);
    if (kind_ == "enum") return Add("value ", heading_, " ", text);
    return kind_ == "message" && Add("field ", heading_, " ", text);
  }

  const Facts& facts() const { return facts_; }

 private:
  bool ReadHeading(const std::string& kind, const std::string& name) {
    if (kind != "package" && kind != "service" && kind != "message" && kind != "enum") return false;
    kind_ = kind;
    heading_ = name;
    nested_enum_.clear();
    return Add(kind, " ", name);
  }

  template <typename... T>
  bool Add(const T&... parts) {
    return facts_.insert(absl::StrCat(parts...)).second;
  }

  std::string kind_, heading_, nested_enum_;
  Facts facts_;
};

Facts FactsOfTable(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << "cannot read " << path;
  TableReader reader;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    EXPECT_TRUE(reader.Read(line)) << path << ":" << number << ": not understood, or said twice: " << line;
  }
  return reader.facts();
}

// The compiled side. Names within the package are relative to it, as in the table.

// Without the message that a nested type stands in: the table names it from within.
std::string NameOf(const FieldDescriptor& field) {
  if (field.message_type() != nullptr) return field.message_type()->name();
  return field.enum_type() != nullptr ? field.enum_type()->name() : field.type_name();
}

std::string TypeOf(const FieldDescriptor& field) {
  if (field.is_map()) {
    const Descriptor& entry = *field.message_type();
    return absl::StrCat("map<", NameOf(*entry.map_key()), ", ", NameOf(*entry.map_value()), ">");
  }
  if (field.is_repeated()) return absl::StrCat("repeated ", NameOf(field));
  return absl::StrCat(field.has_optional_keyword() ? "optional " : "", NameOf(field));
}

std::string OptionsOf(const FieldDescriptor& field) {
  std::vector<std::string> options;
  if (field.options().deprecated()) options.push_back("deprecated=true");
  if (field.options().GetExtension(cri::debug_redact)) options.push_back("debug_redact=true");
  if (field.is_packable() && !field.is_packed()) options.push_back("packed=false");
  if (field.real_containing_oneof() != nullptr) options.push_back("in a oneof");
  return options.empty() ? "" : absl::StrCat(" [", absl::StrJoin(options, ", "), "]");
}

void AddEnum(const EnumDescriptor& type, const std::string& name, Facts* facts) {
  facts->insert(absl::StrCat("enum ", name));
  for (int i = 0; i < type.value_count(); ++i) {
    facts->insert(absl::StrCat("value ", name, " ", type.value(i)->number(), " ", type.value(i)->name()));
  }
}

void AddMessage(const Descriptor& message, const std::string& name, Facts* facts) {
  facts->insert(absl::StrCat("message ", name));
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    facts->insert(
        absl::StrCat("field ", name, " ", field.number(), " ", TypeOf(field), " ", field.name(), OptionsOf(field)));
  }
  for (int i = 0; i < message.enum_type_count(); ++i) {
    AddEnum(*message.enum_type(i), absl::StrCat(name, ".", message.enum_type(i)->name()), facts);
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    const Descriptor& nested = *message.nested_type(i);
    if (!nested.options().map_entry()) AddMessage(nested, absl::StrCat(name, ".", nested.name()), facts);
  }
}

std::string RpcOf(const MethodDescriptor& method) {
  return absl::StrCat(method.name(), " (", method.client_streaming() ? "stream " : "", method.input_type()->name(),
                      ") -> (", method.server_streaming() ? "stream " : "", method.output_type()->name(), ")");
}

void AddService(const ServiceDescriptor& service, Facts* facts) {
  facts->insert(absl::StrCat("service ", service.name()));
  for (int i = 0; i < service.method_count(); ++i) {
    facts->insert(absl::StrCat("rpc ", service.name(), ".", RpcOf(*service.method(i))));
  }
}

const FileDescriptor& CompiledFile() {
  return *cri::VersionRequest::descriptor()->file();
}

Facts FactsOfCode() {
  const FileDescriptor& file = CompiledFile();
  Facts facts = {absl::StrCat("package ", file.package())};
  for (int i = 0; i < file.service_count(); ++i) AddService(*file.service(i), &facts);
  for (int i = 0; i < file.message_type_count(); ++i) {
    AddMessage(*file.message_type(i), file.message_type(i)->name(), &facts);
  }
  for (int i = 0; i < file.enum_type_count(); ++i) AddEnum(*file.enum_type(i), file.enum_type(i)->name(), &facts);
  return facts;
}

// What `a` has and `b` has not.
std::vector<std::string> Without(const Facts& a, const Facts& b) {
  std::vector<std::string> rest;
  for (const std::string& fact : a) {
    if (b.count(fact) == 0) rest.push_back(fact);
  }
  return rest;
}

int CountOf(const Facts& facts, const std::string& prefix) {
  int count = 0;
  for (const std::string& fact : facts) count += absl::StartsWith(fact, prefix);
  return count;
}

TEST(CriContractTest, ApiProtoHasEverythingInTheContract) {
  EXPECT_THAT(Without(FactsOfTable(CRI_CONTRACT), FactsOfCode()), IsEmpty());
}

TEST(CriContractTest, ApiProtoHasNothingBesidesTheContract) {
  EXPECT_THAT(Without(FactsOfCode(), FactsOfTable(CRI_CONTRACT)), IsEmpty());
}

// Guards the two tests above against comparing nothing with nothing.
TEST(CriContractTest, TheWholeContractIsRead) {
  Facts table = FactsOfTable(CRI_CONTRACT);
  EXPECT_EQ(CountOf(table, "service "), 2);
  EXPECT_EQ(CountOf(table, "rpc RuntimeService."), 35);
  EXPECT_EQ(CountOf(table, "rpc ImageService."), 6);
  EXPECT_EQ(table.count("field PsiStats 1 PsiData Full"), 1u);
  EXPECT_EQ(table.count("value SecurityProfile.ProfileType 2 Localhost"), 1u);
  EXPECT_EQ(table.count("field SecurityProfile 1 ProfileType profile_type"), 1u);
  EXPECT_EQ(table.count("field AuthConfig 2 string password [debug_redact=true]"), 1u);
}

TEST(CriContractTest, EveryTypeOfAFieldIsOfThisPackage) {
  const FileDescriptor& file = CompiledFile();
  EXPECT_EQ(file.syntax(), FileDescriptor::SYNTAX_PROTO3);
  for (int i = 0; i < file.message_type_count(); ++i) {
    const Descriptor& message = *file.message_type(i);
    for (int f = 0; f < message.field_count(); ++f) {
      const FieldDescriptor& field = *message.field(f);
      if (field.message_type() != nullptr) {
        EXPECT_EQ(field.message_type()->file(), &file) << field.full_name();
      }
    }
  }
}

// debug_redact is an option of ours that stands for protobuf's own. Options do not travel, but an extension of one of
// the messages would.
TEST(CriContractTest, OnlyOptionsAreExtended) {
  const FileDescriptor& file = CompiledFile();
  ASSERT_EQ(file.extension_count(), 1);
  EXPECT_EQ(file.extension(0)->containing_type()->full_name(), "google.protobuf.FieldOptions");
  for (int i = 0; i < file.message_type_count(); ++i) {
    EXPECT_EQ(file.message_type(i)->extension_range_count(), 0) << file.message_type(i)->full_name();
  }
}

TEST(CriContractTest, AnUnknownLineIsAnError) {
  TableReader reader;
  EXPECT_FALSE(reader.Read("  1 string orphan"));
  EXPECT_FALSE(reader.Read("union Foo"));
  EXPECT_TRUE(reader.Read("message Foo"));
  EXPECT_FALSE(reader.Read("message Foo"));
  EXPECT_FALSE(reader.Read("  rpc A (B) -> (C)"));
}

}  // namespace
}  // namespace crisp
