// CrashHandler: what a process leaves when it crashes. A fatal signal (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) writes
// the stack of the thread to stderr, and keeps it with all that the recorder has in a file. Then the signal takes its
// usual course, so that systemd-coredump and the service manager see the crash as it was.
//
//   crispd 0.1.0 has crashed: SIGSEGV, code 1, address 0x0, thread 4711 (operation), build id 3f2a…
//   #0 0x55d0c41f32a1 crispd+0x1c4d5 crisp::PodRunner::RunOnce()
//   …
//   the log lines before it are in /run/crisp/traces/crash-1790000000.txt
//
// An exception that nobody catches, and std::terminate, log what they are, and abort.
//
// The state of the handler is the process's. A build with sanitizers keeps their handlers. A stack overflow is handled
// on the threads that have an AlternateStack, which those of StartThread do.
#pragma once

#include <memory>
#include <string>

namespace crisp {

class Recorder;

struct CrashOptions {
  std::string program;      // with its version: "crispd 0.1.0"
  bool to_journal = false;  // as in LogOptions
};

// Once in a process, on its first thread, which gets an AlternateStack. From then on crashes are written to stderr.
void InstallCrashHandler(const CrashOptions& options);

// Where crashes are kept: as "crash-<seconds>.txt" in `directory`, with what `recorder` has; null: nowhere, as at
// first. `recorder_file` is removed once its content is kept; empty: none.
void SetCrashRecord(const std::string& directory, std::shared_ptr<const Recorder> recorder,
                    const std::string& recorder_file);

}  // namespace crisp
