#include "e2e/wrappers.h"

#include <chrono>
#include <filesystem>

#include "e2e/files.h"
#include "e2e/wait.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kRunc[] = "/usr/sbin/runc";
constexpr char kPlugins[] = "/usr/lib/cni";

// Common to all wrappers. $wrap is the directory of the markers, $command what was asked for, $real the program.
//   COMMAND.before, COMMAND.after  stall there while the file exists
//   COMMAND.stalled                the pid of the wrapper that stalls
//   COMMAND.kill                   kill it after so many seconds
//   COMMAND.fail                   print the file and exit with the status in COMMAND.code
constexpr char kBody[] = R"sh(
stall() {
  [ -e "$wrap/$command.$1" ] || return 0
  echo $$ > "$wrap/$command.pid.$$"
  mv "$wrap/$command.pid.$$" "$wrap/$command.stalled"
  while [ -e "$wrap/$command.$1" ]; do sleep 0.01; done
}
if [ -e "$wrap/$command.fail" ]; then
  cat "$wrap/$command.fail"
  exit "$(cat "$wrap/$command.code")"
fi
if [ -e "$wrap/$command.kill" ]; then
  "$real" "$@" <&0 &
  child=$!
  sleep "$(cat "$wrap/$command.kill")"
  kill -9 $child 2> /dev/null
  wait $child
  exit $?
fi
stall before
if [ -e "$wrap/$command.after" ]; then
  "$real" "$@"
  code=$?
  stall after
  exit $code
fi
exec "$real" "$@"
)sh";

// The command of runc is the first word that is the name of one.
constexpr char kRuncCommand[] = R"sh(
command=none
for word in "$@"; do
  case $word in create|start|exec|delete|kill|state|update) command=$word; break;; esac
done
)sh";

std::string Script(const std::string& markers, const std::string& real, const std::string& command) {
  return "#!/bin/sh\nwrap=" + markers + "\nreal=" + real + "\n" + command + "\n" + kBody;
}

}  // namespace

void Wrappers::WriteRunc(const std::string& path) const {
  MakeDirectory(directory_);
  WriteScript(path, Script(directory_, kRunc, kRuncCommand));
}

void Wrappers::WritePlugins(const std::string& bin_dir) const {
  MakeDirectory(bin_dir);
  for (const auto& plugin : fs::directory_iterator(kPlugins)) {
    fs::create_symlink(plugin.path(), bin_dir + "/" + plugin.path().filename().string());
  }
  const std::string plugins = kPlugins;
  WriteScript(bin_dir + "/" + kBridge, Script(directory_, plugins + "/bridge", "command=$CNI_COMMAND"));
  WriteScript(bin_dir + "/" + kLast, Script(directory_, plugins + "/tuning", "command=last-$CNI_COMMAND"));
}

void Wrappers::Stall(const std::string& command, Moment moment) {
  fs::remove(Marker(command) + ".stalled");
  WriteFile(Marker(command) + (moment == Moment::kBefore ? ".before" : ".after"), "");
}

pid_t Wrappers::WaitForStalled(const std::string& command) {
  const std::string stalled = Marker(command) + ".stalled";
  WaitFor(command + " to be called and to stall", std::chrono::seconds(20), [&] { return FileExists(stalled); });
  return static_cast<pid_t>(std::stoi(ReadFile(stalled)));
}

void Wrappers::KillAfter(const std::string& command, double seconds) {
  WriteFile(Marker(command) + ".kill", std::to_string(seconds));
}

void Wrappers::Fail(const std::string& command, const std::string& output, int code) {
  WriteFile(Marker(command) + ".code", std::to_string(code));
  WriteFile(Marker(command) + ".fail", output);
}

void Wrappers::Release(const std::string& command) {
  for (const char* suffix : {".before", ".after", ".fail", ".code", ".kill", ".stalled"}) {
    fs::remove(Marker(command) + suffix);
  }
}

void Wrappers::ReleaseAll() {
  for (const auto& marker : fs::directory_iterator(directory_)) fs::remove(marker);
}

}  // namespace crisp::e2e
