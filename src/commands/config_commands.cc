#include "commands/config_commands.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "config/config_file.h"
#include "config/load_config.h"
#include "config_text/check.h"
#include "config_text/config_file_text.h"
#include "config_text/explain.h"
#include "config_text/migrate.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"

namespace crisp {
namespace {

// What is wrong in a file is InvalidArgument; everything else is about getting at it.
Answer Failure(const absl::Status& status) {
  return {status.code() == absl::StatusCode::kInvalidArgument ? kExitBad : kExitUsage, "",
          absl::StrCat("crispd: ", status.message(), "\n")};
}

std::string Lines(const std::vector<std::string>& lines) {
  return absl::StrJoin(lines, "", [](std::string* out, const std::string& line) { absl::StrAppend(out, line, "\n"); });
}

// Without a file: the defaults, as crispd without --config.
Reading ReadFile(const std::string& path) {
  if (!path.empty()) return ReadConfiguration(path);
  Reading reading;
  reading.config = DefaultConfig();
  return reading;
}

Answer Dump(const std::string& path) {
  const Reading reading = ReadFile(path);
  if (!reading.config.ok()) return Failure(reading.config.status());
  return {kExitOk, DumpFile(reading), Lines(reading.warnings)};
}

Answer Check(const std::string& path, bool strict) {
  const Reading reading = ReadConfiguration(path);
  if (reading.version == 0 && reading.config.status().code() != absl::StatusCode::kInvalidArgument) {
    return Failure(reading.config.status());
  }
  const CheckResult result = CheckFile(reading);
  const bool bad = result.refused > 0 || (strict && result.warnings > 0);
  return {bad ? kExitBad : kExitOk, result.text, ""};
}

Answer Explain(const std::string& query) {
  const std::vector<const Key*> keys = FindKeys(query);
  if (keys.size() == 1) return {kExitOk, ExplainKey(*keys[0]), ""};
  if (keys.empty()) return {kExitBad, "", absl::StrCat("crispd: there is no key ", query, "\n")};
  const auto name = [](std::string* out, const Key* key) { absl::StrAppend(out, "  ", ShortPath(*key), "\n"); };
  return {kExitBad, "",
          absl::StrCat("crispd: ", query, " is the end of several keys:\n", absl::StrJoin(keys, "", name))};
}

// Replaces the file that `path` leads to, with its mode and owner, and keeps its content in a file beside it.
absl::Status Replace(const std::string& path, const std::string& old_content, const std::string& content) {
  std::error_code error;
  const std::string file = std::filesystem::canonical(path, error).string();
  if (error) return ErrnoStatus(error.value(), absl::StrCat("resolve ", path));
  struct stat info = {};
  if (stat(file.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", file));
  const mode_t mode = info.st_mode & 07777;
  RETURN_IF_ERROR(WriteFileAtomically(AT_FDCWD, file + ".bak", old_content, mode));
  RETURN_IF_ERROR(WriteFileAtomically(AT_FDCWD, file, content, mode));
  for (const std::string& each : {file + ".bak", file}) {
    if (chown(each.c_str(), info.st_uid, info.st_gid) != 0) return ErrnoStatus(errno, absl::StrCat("chown ", each));
  }
  return absl::OkStatus();
}

absl::StatusOr<Answer> TryMigrate(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::string content, ReadConfigText(line.file));
  ASSIGN_OR_RETURN(const MigratedFile migration, MigrateFile(line.file, content, line.drop_in));
  if (!line.write) return Answer{kExitOk, migration.content, Lines(migration.notes)};
  if (migration.content != content) RETURN_IF_ERROR(Replace(line.file, content, migration.content));
  return Answer{kExitOk, "", Lines(migration.notes)};
}

Answer Migrate(const CommandLine& line) {
  absl::StatusOr<Answer> answer = TryMigrate(line);
  return answer.ok() ? *std::move(answer) : Failure(answer.status());
}

}  // namespace

Answer RunConfigCommand(const CommandLine& line) {
  switch (line.verb) {
    case Verb::kConfigDefault:
      return {kExitOk, DefaultFile(), ""};
    case Verb::kConfigDump:
      return Dump(line.config);
    case Verb::kConfigCheck:
      return Check(line.file, line.strict);
    case Verb::kConfigExplain:
      return Explain(line.key);
    case Verb::kConfigMigrate:
      return Migrate(line);
    case Verb::kServe:
    case Verb::kDoctor:
      break;
  }
  return {kExitUsage, "", "crispd: not a command of config\n"};
}

}  // namespace crisp
