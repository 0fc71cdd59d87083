#include "exec_helper/program.h"

#include <asm/stat.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include <initializer_list>

#include "exec_helper/report.h"
#include "exec_helper/syscalls.h"

namespace crisp::exec_helper {
namespace {

constexpr size_t kPathMax = 4096;
constexpr unsigned kTypeMask = 0170000;  // S_IFMT
constexpr unsigned kDirectory = 0040000;
char g_path[kPathMax];

bool HasSlash(const char* text) {
  for (; *text != '\0'; ++text) {
    if (*text == '/') return true;
  }
  return false;
}

bool IsPath(const char* variable) {
  const char* const name = "PATH=";
  for (int i = 0; i < 5; ++i) {
    if (variable[i] != name[i]) return false;
  }
  return true;
}

const char* PathOf(const Plan& plan) {
  for (char** variable = plan.variables; *variable != nullptr; ++variable) {
    if (IsPath(*variable)) return *variable + 5;
  }
  return "";
}

// 0, EACCES for what is no executable file, or what stat(2) says, negated. The OCI runtime looks at the mode only.
long CheckExecutable(const char* path) {
  struct stat info {};
  const long result = Call(__NR_newfstatat, AT_FDCWD, path, &info, 0);
  if (result < 0) return result;
  return (info.st_mode & kTypeMask) != kDirectory && (info.st_mode & 0111) != 0 ? 0 : -EACCES;
}

// "directory/name" in g_path; false if it is too long. An empty directory is the working one.
bool Join(const char* directory, size_t length, const char* name) {
  const size_t size = Length(name);
  if (length + size + 3 > sizeof(g_path)) return false;
  char* to = g_path;
  if (length == 0) *to++ = '.';
  for (size_t i = 0; i < length; ++i) *to++ = directory[i];
  if (to[-1] != '/') *to++ = '/';
  for (size_t i = 0; i <= size; ++i) *to++ = name[i];
  return true;
}

// The errors of execve(2) that a program's file leads to, in Go's words.
const char* ErrorText(long error) {
  switch (error) {
    case ENOENT:
      return "no such file or directory";
    case E2BIG:
      return "argument list too long";
    case ENOEXEC:
      return "exec format error";
    case ENOMEM:
      return "cannot allocate memory";
    case EACCES:
      return "permission denied";
    case EPERM:
      return "operation not permitted";
    case ETXTBSY:
      return "text file busy";
    case ELOOP:
      return "too many levels of symbolic links";
    case EINVAL:
      return "invalid argument";
    default:
      return "it cannot be executed";
  }
}

}  // namespace

const char* FindProgram(const Plan& plan) {
  const char* const command = plan.arguments[0];
  if (HasSlash(command)) {
    const long result = CheckExecutable(command);
    if (result == -EACCES) Fail(ExecReport::kNotExecutable, result, command);
    if (result < 0) Fail(ExecReport::kFind, result, command);
    return command;
  }
  for (const char* path = PathOf(plan); *path != '\0';) {
    size_t length = 0;
    while (path[length] != '\0' && path[length] != ':') ++length;
    if (Join(path, length, command) && CheckExecutable(g_path) == 0) {
      if (g_path[0] != '/') Fail(ExecReport::kRelativeToPath, -ENOENT, command);
      return g_path;
    }
    path += length;
    if (*path == ':') ++path;
  }
  Fail(ExecReport::kNotInPath, -ENOENT, command);
}

void Execute(const Plan& plan, const char* program) {
  const long result = Call(__NR_execve, program, plan.arguments, plan.variables);
  for (const char* part : {"exec ", program, ": ", ErrorText(-result), "\n"}) {
    Call(__NR_write, 2, part, Length(part));
  }
  End(1);
}

}  // namespace crisp::exec_helper
