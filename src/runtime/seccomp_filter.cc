#include "runtime/seccomp_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/seccomp.h>
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/fd.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr uint32_t kX32Bit = 1U << 30;  // __X32_SYSCALL_BIT
constexpr size_t kManyRules = 32;       // above, libseccomp arranges them as a tree

struct FreeContext {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, FreeContext>;

absl::Status NotHere(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("seccomp: ", what));
}

absl::Status Failed(int result, absl::string_view what) {
  return ErrnoStatus(-result, absl::StrCat("seccomp: ", what));
}

absl::StatusOr<uint32_t> ActionOf(const std::string& name, const json& object, const char* errno_key) {
  const uint32_t code = object.value(errno_key, uint32_t{EPERM}) & 0xffff;
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(code);
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(code);
  return NotHere(absl::StrCat("action ", name));
}

absl::StatusOr<scmp_compare> OperatorOf(const std::string& name) {
  if (name == "SCMP_CMP_NE") return SCMP_CMP_NE;
  if (name == "SCMP_CMP_LT") return SCMP_CMP_LT;
  if (name == "SCMP_CMP_LE") return SCMP_CMP_LE;
  if (name == "SCMP_CMP_EQ") return SCMP_CMP_EQ;
  if (name == "SCMP_CMP_GE") return SCMP_CMP_GE;
  if (name == "SCMP_CMP_GT") return SCMP_CMP_GT;
  if (name == "SCMP_CMP_MASKED_EQ") return SCMP_CMP_MASKED_EQ;
  return NotHere(absl::StrCat("operator ", name));
}

// "SCMP_ARCH_X86_64" is "x86_64" to libseccomp.
absl::StatusOr<uint32_t> ArchitectureOf(absl::string_view name) {
  absl::ConsumePrefix(&name, "SCMP_ARCH_");
  const uint32_t arch = seccomp_arch_resolve_name(absl::AsciiStrToLower(name).c_str());
  if (arch == 0) return NotHere(absl::StrCat("architecture ", name));
  return arch;
}

absl::StatusOr<std::vector<uint32_t>> Architectures(const json& seccomp) {
  std::vector<uint32_t> result;
  for (const json& name : seccomp.value("architectures", json::array())) {
    ASSIGN_OR_RETURN(const uint32_t arch, ArchitectureOf(name.get_ref<const std::string&>()));
    result.push_back(arch);
  }
  // Versions of runc disagree about a profile that does not name the machine's own.
  if (std::find(result.begin(), result.end(), seccomp_arch_native()) == result.end()) {
    return NotHere("a profile that does not name this machine's architecture");
  }
  return result;
}

absl::StatusOr<std::vector<scmp_arg_cmp>> ConditionsOf(const json& rule) {
  std::vector<scmp_arg_cmp> conditions;
  for (const json& argument : rule.value("args", json::array())) {
    ASSIGN_OR_RETURN(const scmp_compare op, OperatorOf(argument.at("op").get<std::string>()));
    conditions.push_back({argument.value("index", 0U), op, argument.value("value", uint64_t{0}),
                          argument.value("valueTwo", uint64_t{0})});
  }
  return conditions;
}

bool RepeatsAnArgument(const std::vector<scmp_arg_cmp>& conditions) {
  unsigned seen = 0;
  for (const scmp_arg_cmp& one : conditions) {
    if ((seen >> one.arg & 1) != 0) return true;
    seen |= 1U << one.arg;
  }
  return false;
}

absl::Status Add(scmp_filter_ctx context, uint32_t action, int number, const std::vector<scmp_arg_cmp>& conditions) {
  const int result =
      seccomp_rule_add_array(context, action, number, static_cast<unsigned>(conditions.size()), conditions.data());
  return result == 0 ? absl::OkStatus() : Failed(result, absl::StrCat("add a rule for system call ", number));
}

// Several conditions on one argument are rules of their own, as runc has them.
absl::Status AddRule(scmp_filter_ctx context, const json& rule, uint32_t default_action) {
  ASSIGN_OR_RETURN(const uint32_t action, ActionOf(rule.at("action").get<std::string>(), rule, "errnoRet"));
  ASSIGN_OR_RETURN(const std::vector<scmp_arg_cmp> conditions, ConditionsOf(rule));
  if (action == default_action) return absl::OkStatus();
  for (const json& name : rule.at("names")) {
    const int number = seccomp_syscall_resolve_name(name.get_ref<const std::string&>().c_str());
    if (number == __NR_SCMP_ERROR) continue;  // a call that this libseccomp does not know
    if (!RepeatsAnArgument(conditions)) {
      RETURN_IF_ERROR(Add(context, action, number, conditions));
      continue;
    }
    for (const scmp_arg_cmp& one : conditions) RETURN_IF_ERROR(Add(context, action, number, {one}));
  }
  return absl::OkStatus();
}

absl::StatusOr<SeccompFilter> Export(scmp_filter_ctx context) {
  const Fd file(memfd_create("seccomp", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, "make a memory file");
  if (const int result = seccomp_export_bpf(context, file.get()); result != 0) return Failed(result, "export");
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, "stat a memory file");
  SeccompFilter filter(static_cast<size_t>(info.st_size) / sizeof(sock_filter));
  const ssize_t n = pread(file.get(), filter.data(), filter.size() * sizeof(sock_filter), 0);
  if (n != info.st_size) return ErrnoStatus(errno, "read a memory file");
  return filter;
}

// --- ENOSYS for what is newer than the profile ---

// The highest number of a system call that the profile names, for each architecture of libseccomp.
std::map<uint32_t, uint32_t> LastCalls(const json& seccomp, const std::vector<uint32_t>& architectures) {
  std::map<uint32_t, uint32_t> last;
  for (const uint32_t arch : architectures) {
    int highest = 0;
    for (const json& rule : seccomp.value("syscalls", json::array())) {
      for (const json& name : rule.at("names")) {
        const auto& text = name.get_ref<const std::string&>();
        highest = std::max(highest, seccomp_syscall_resolve_name_arch(arch, text.c_str()));
      }
    }
    if (highest > 0) last[arch] = static_cast<uint32_t>(highest);
  }
  return last;
}

// The kernel tells x32 from x86_64 by a bit of the number only.
uint32_t AuditArchitecture(uint32_t arch) {
  return arch == SCMP_ARCH_X32 ? uint32_t{AUDIT_ARCH_X86_64} : arch;
}

sock_filter Load(size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
sock_filter Jump(unsigned condition, uint32_t value, uint8_t if_true, uint8_t if_false) {
  return BPF_JUMP(static_cast<uint16_t>(BPF_JMP | condition | BPF_K), value, if_true, if_false);
}
sock_filter Return(uint32_t action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}

// Returns ENOSYS for numbers above `last` that have the bit of x32 or have it not; others go on behind it.
void AddLimit(uint32_t last, bool x32, SeccompFilter* code) {
  code->push_back(Jump(BPF_JSET, kX32Bit, x32 ? 0 : 2, x32 ? 2 : 0));
  code->push_back(Jump(BPF_JGT, last, 0, 1));
  code->push_back(Return(SCMP_ACT_ERRNO(ENOSYS)));
}

// Runs in front of the filter: a section for each architecture, the last instruction of which leads to the filter.
SeccompFilter EnosysStub(const std::map<uint32_t, uint32_t>& last) {
  std::map<uint32_t, SeccompFilter> sections;  // by audit architecture
  for (const auto& [arch, number] : last) {
    SeccompFilter& section = sections[AuditArchitecture(arch)];
    if (AuditArchitecture(arch) == AUDIT_ARCH_X86_64) {
      AddLimit(number, arch == SCMP_ARCH_X32, &section);
    } else {
      section.push_back(Jump(BPF_JGT, number, 0, 1));
      section.push_back(Return(SCMP_ACT_ERRNO(ENOSYS)));
    }
  }
  SeccompFilter stub = {Load(offsetof(seccomp_data, arch))};
  size_t left = 0;
  for (const auto& [arch, section] : sections) left += section.size() + 3;
  for (const auto& [arch, section] : sections) {
    left -= section.size() + 3;
    stub.push_back(Jump(BPF_JEQ, arch, 0, static_cast<uint8_t>(section.size() + 2)));
    stub.push_back(Load(offsetof(seccomp_data, nr)));
    stub.insert(stub.end(), section.begin(), section.end());
    stub.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(left)));
  }
  return stub;
}

bool Permits(uint32_t action) {
  return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG || (action & 0xffff0000U) == SCMP_ACT_TRACE(0);
}

absl::StatusOr<SeccompFilter> Compile(const json& seccomp) {
  if (seccomp.contains("flags") && !seccomp["flags"].empty()) return NotHere("flags");
  if (seccomp.contains("listenerPath")) return NotHere("a listener");
  ASSIGN_OR_RETURN(const uint32_t action,
                   ActionOf(seccomp.at("defaultAction").get<std::string>(), seccomp, "defaultErrnoRet"));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> architectures, Architectures(seccomp));
  const Context context(seccomp_init(action));
  if (context == nullptr) return absl::InternalError("seccomp: no filter can be made");
  for (const uint32_t arch : architectures) {
    const int result = seccomp_arch_add(context.get(), arch);
    if (result != 0 && result != -EEXIST) return Failed(result, "add an architecture");
  }
  const json rules = seccomp.value("syscalls", json::array());
  size_t names = 0;
  for (const json& rule : rules) names += rule.at("names").size();
  if (names > kManyRules) seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const json& rule : rules) RETURN_IF_ERROR(AddRule(context.get(), rule, action));
  ASSIGN_OR_RETURN(SeccompFilter filter, Export(context.get()));
  if (Permits(action)) return filter;
  SeccompFilter whole = EnosysStub(LastCalls(seccomp, architectures));
  whole.insert(whole.end(), filter.begin(), filter.end());
  if (whole.size() > BPF_MAXINSNS) return NotHere("a profile that is too long");
  return whole;
}

}  // namespace

absl::StatusOr<SeccompFilter> CompileSeccomp(const json& seccomp) {
  try {
    return Compile(seccomp);
  } catch (const json::exception& error) {
    return absl::InternalError(absl::StrCat("the container's OCI spec is damaged: seccomp: ", error.what()));
  }
}

}  // namespace crisp
