#include "config/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "config/key_path.h"
#include "config/syntax_error.h"
#include "config/value.h"

namespace crisp {
namespace {

constexpr size_t kMaxFileSize = 4 << 20;  // bytes; users' files have some ten thousand

absl::StatusOr<toml::table> Parse(const std::string& path, const std::string& content) {
  try {
    return toml::parse(content, path);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", error.source().begin.line,
                                                   ": not valid TOML: ", DescribeSyntaxError(error, content),
                                                   " (column ", error.source().begin.column, ")"));
  }
}

// As containerd 2.x: a file that does not say its version has version 1.
absl::StatusOr<int> VersionOf(const std::string& path, const toml::table& table) {
  const toml::node* node = table.get("version");
  if (node == nullptr) return 1;
  const std::optional<int64_t> version = node->value_exact<int64_t>();
  const std::string place = absl::StrCat(path, ":", node->source().begin.line, ": version: ");
  if (!version) {
    return absl::InvalidArgumentError(absl::StrCat(place, "expected an integer, found ", Describe(*node)));
  }
  if (*version >= 0 && *version <= kNewestVersion) return std::max(1, static_cast<int>(*version));
  return absl::InvalidArgumentError(absl::StrCat(place, "expected 1 to ", kNewestVersion, ", found ", *version));
}

void WarnOfVersion1(const std::string& path, const toml::table& table, std::vector<std::string>* warnings) {
  if (table.empty()) return;
  constexpr char kHow[] = "as version 2 with the older names of plugins translated, as by containerd 2.x";
  const toml::node* node = table.get("version");
  if (node == nullptr) {
    warnings->push_back(absl::StrCat(path, ": version is missing, so this is taken for a version 1 file and read ",
                                     kHow, "; put \"version = 2\" in its first line"));
  } else {
    warnings->push_back(absl::StrCat(path, ":", node->source().begin.line, ": a version 1 file is read ", kHow,
                                     "; write \"version = 2\" and the newer names"));
  }
}

}  // namespace

absl::StatusOr<std::string> ReadConfigText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    int error = errno;
    std::string text = absl::StrCat("open configuration ", path, ": ", strerror(error));
    return error == ENOENT ? absl::NotFoundError(text) : absl::InternalError(text);
  }
  std::string content;
  std::string chunk(64 << 10, '\0');
  while (file && content.size() <= kMaxFileSize) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    content.append(chunk, 0, static_cast<size_t>(file.gcount()));
  }
  // A directory opens, and then cannot be read.
  if (file.bad()) return absl::InternalError(absl::StrCat("read configuration ", path, ": ", strerror(errno)));
  if (content.size() > kMaxFileSize) {
    return absl::InvalidArgumentError(absl::StrCat("configuration ", path, " is longer than ", kMaxFileSize, " bytes"));
  }
  return content;
}

absl::StatusOr<ConfigFile> ReadConfigFile(const std::string& path, std::vector<std::string>* warnings) {
  ASSIGN_OR_RETURN(const std::string content, ReadConfigText(path));
  return ParseConfigText(path, content, warnings);
}

absl::StatusOr<ConfigFile> ParseConfigText(const std::string& path, const std::string& content,
                                           std::vector<std::string>* warnings) {
  ConfigFile file;
  file.path = path;
  ASSIGN_OR_RETURN(file.table, Parse(path, content));
  ASSIGN_OR_RETURN(file.version, VersionOf(path, file.table));
  if (file.version == 1) WarnOfVersion1(path, file.table, warnings);
  return file;
}

}  // namespace crisp
