#include "exec_helper/plan.h"

#include <asm/mman.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "exec_helper/syscalls.h"

namespace crisp::exec_helper {
namespace {

using shim::ExecPlan;

constexpr uint32_t kMaxTexts = 1 << 20;

// Memory that stays until execve(2); null if there is none.
char* Allocate(size_t size) {
  const long at = Call(__NR_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at < 0 && at > -4096 ? nullptr : reinterpret_cast<char*>(at);
}

int ReadAll(int fd, char* into, size_t size) {
  for (size_t done = 0; done < size;) {
    const long n = Call(__NR_pread64, fd, into + done, size - done, done);
    if (n < 0) return static_cast<int>(-n);
    if (n == 0) return EBADMSG;
    done += static_cast<size_t>(n);
  }
  return 0;
}

// Walks over the plan behind its head.
class Walker {
 public:
  Walker(char* at, char* end) : at_(at), end_(end) {}

  template <typename T>
  T* Array(uint32_t count) {
    if (count > static_cast<size_t>(end_ - at_) / sizeof(T)) {
      ok_ = false;
      return nullptr;
    }
    T* array = reinterpret_cast<T*>(at_);
    at_ += count * sizeof(T);
    return array;
  }

  char* Text() {
    char* const text = at_;
    while (at_ < end_ && *at_ != '\0') ++at_;
    if (at_ == end_) {
      ok_ = false;
      return text;
    }
    ++at_;
    return text;
  }

  char** Texts(uint32_t count, char** into) {
    char** const first = into;
    for (uint32_t i = 0; i < count && ok_; ++i) *into++ = Text();
    *into = nullptr;
    return first;
  }

  bool ok() const { return ok_; }

 private:
  char* at_;
  char* const end_;
  bool ok_ = true;
};

}  // namespace

size_t Length(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

int ReadPlan(int fd, Plan* plan) {
  ExecPlan head;
  if (const int error = ReadAll(fd, reinterpret_cast<char*>(&head), sizeof(head)); error != 0) return error;
  if (head.version != shim::kExecPlanVersion || head.size < sizeof(head) || head.size > shim::kMaxExecPlan ||
      head.arguments == 0 || head.arguments > kMaxTexts || head.variables > kMaxTexts ||
      head.instructions > BPF_MAXINSNS) {
    return EBADMSG;
  }
  char* const bytes = Allocate(head.size);
  auto** const texts = reinterpret_cast<char**>(Allocate((head.arguments + head.variables + 2) * sizeof(char*)));
  if (bytes == nullptr || texts == nullptr) return ENOMEM;
  if (const int error = ReadAll(fd, bytes, head.size); error != 0) return error;

  Walker walker(bytes + sizeof(head), bytes + head.size);
  plan->head = reinterpret_cast<const ExecPlan*>(bytes);
  plan->filter = walker.Array<sock_filter>(head.instructions);
  plan->limits = walker.Array<const shim::ExecLimit>(head.limits);
  plan->groups = walker.Array<const uint32_t>(head.groups);
  plan->keyring = walker.Text();
  plan->directory = walker.Text();
  plan->arguments = walker.Texts(head.arguments, texts);
  plan->variables = walker.Texts(head.variables, texts + head.arguments + 1);
  return walker.ok() ? 0 : EBADMSG;
}

}  // namespace crisp::exec_helper
