#include "base/crash_handler.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <typeinfo>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "base/alternate_stack.h"
#include "base/log.h"
#include "base/recorder.h"
#include "base/signal_text.h"
#include "base/stack_trace.h"
#include "base/write_fully.h"

namespace crisp {
namespace {

#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct Signal {
  int number;
  const char* name;
};
constexpr std::array<Signal, 5> kSignals = {
    {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}, {SIGABRT, "SIGABRT"}}};

// A handler that hangs must not keep the service manager from starting the next process.
constexpr unsigned kMostSeconds = 10;

// What the handler reads. Never freed: a handler may run at any time.
struct Installed {
  CrashOptions options;
  AlternateStack stack;  // of the first thread
  StackTrace trace;
};
struct Record {
  std::string directory;
  std::shared_ptr<const Recorder> recorder;
  std::string recorder_file;
};
const Installed* g_installed = nullptr;
std::atomic<const Record*> g_record{nullptr};

// Writes lines to stderr, and to the file if there is one.
struct Output {
  void Line(absl::string_view line) const {
    SignalText text;
    text << line << "\n";
    if (g_installed->options.to_journal) WriteFully(STDERR_FILENO, JournalPriority(LogLevel::kError));
    WriteFully(STDERR_FILENO, text.text());
    if (file >= 0) WriteFully(file, text.text());
  }
  int file;
};

const char* NameOf(int number) {
  for (const Signal& each : kSignals) {
    if (each.number == number) return each.name;
  }
  return "a signal";
}

void DescribeSignal(const siginfo_t& info, SignalText* text) {
  std::array<char, 16> thread{};
  prctl(PR_GET_NAME, thread.data());
  *text << g_installed->options.program << " has crashed: " << NameOf(info.si_signo) << ", code "
        << int64_t{info.si_code};
  // Below 1 it was sent by a process (sigaction(2), "The si_code field").
  if (info.si_code > 0) {
    (*text << ", address ").Hex(reinterpret_cast<uintptr_t>(info.si_addr));
  } else {
    *text << ", sent by process " << int64_t{info.si_pid};
  }
  *text << ", thread " << int64_t{gettid()} << " (" << thread.data() << "), build id " << g_installed->trace.build_id();
}

void WriteStack(const siginfo_t& info, const void* context, const Output& output) {
  SignalText head;
  DescribeSignal(info, &head);
  output.Line(head.text());
  g_installed->trace.ForEach(
      context, [](absl::string_view line, void* data) { static_cast<Output*>(data)->Line(line); },
      const_cast<Output*>(&output));
}

int OpenFile(const Record& record, SignalText* path) {
  *path << record.directory << "/crash-" << int64_t{time(nullptr)} << ".txt" << absl::string_view("\0", 1);
  return open(path->text().data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void WriteAll(const siginfo_t& info, const void* context) {
  const Record* const record = g_record;
  SignalText path;
  const int file = record != nullptr ? OpenFile(*record, &path) : -1;
  WriteStack(info, context, {file});
  if (file < 0) return;
  record->recorder->DumpTo(file);
  SignalText where;
  where << "the log lines before it are in " << path.text().data();
  Output{-1}.Line(where.text());
  if (!record->recorder_file.empty()) unlink(record->recorder_file.c_str());
}

// The signal again, to its default action, as soon as the handler has returned: with the information that it came with.
void PassOn(siginfo_t* info) {
  signal(info->si_signo, SIG_DFL);
  syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), info->si_signo, info);
}

void OnSignal(int, siginfo_t* info, void* context) {
  static std::atomic<pid_t> crashing{0};
  pid_t first = 0;
  if (crashing.compare_exchange_strong(first, gettid())) {
    signal(SIGALRM, SIG_DFL);
    alarm(kMostSeconds);
    WriteAll(*info, context);
  } else if (first != gettid()) {
    while (true) pause();  // until the thread that crashed first has ended the process
  }
  PassOn(info);
}

std::string Demangled(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), free);
  return name != nullptr ? name.get() : type.name();
}

[[noreturn]] void OnTerminate() {
  const std::exception_ptr exception = std::current_exception();
  if (exception == nullptr) {
    LogError("std::terminate was called");
    abort();
  }
  const std::string type = Demangled(*abi::__cxa_current_exception_type());
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    LogError("nobody has caught an exception", {{"type", type}, {"what", error.what()}});
  } catch (...) {
    LogError("nobody has caught an exception", {{"type", type}});
  }
  abort();
}

}  // namespace

void InstallCrashHandler(const CrashOptions& options) {
  std::set_terminate(OnTerminate);
  if (kSanitized) return;
  g_installed = new Installed{options, {}, {}};
  struct sigaction action {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const Signal& each : kSignals) sigaction(each.number, &action, nullptr);
}

void SetCrashRecord(const std::string& directory, std::shared_ptr<const Recorder> recorder,
                    const std::string& recorder_file) {
  if (kSanitized) return;
  g_record = recorder == nullptr ? nullptr : new Record{directory, std::move(recorder), recorder_file};
}

}  // namespace crisp
