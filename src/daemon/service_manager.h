// ServiceManager: what systemd, or another program that started crispd and speaks its protocols, is told and has handed
// over. These are datagrams and variables of the environment, documented as stable in sd_notify(3), sd_listen_fds(3)
// and sd_watchdog_enabled(3); libsystemd would add more to the daemon's memory than all of this.
//
// Where crispd was started in another way, nothing is sent and nothing was handed over.
//
// Threading: the constructor runs before other threads do, since it changes the environment. The rest is thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "os/fd.h"

namespace crisp {

class ServiceManager {
 public:
  // Reads the variables and removes them, so that no child takes them for its own: runc would wait for a container that
  // says it is ready. `first_socket` is SD_LISTEN_FDS_START but in tests.
  explicit ServiceManager(int first_socket = 3);

  // A line that systemctl status shows: what the daemon is doing.
  void SayStatus(absl::string_view text) const;
  void SayReady(absl::string_view status) const;
  // The configuration is read again, until SayReady. systemd 253 and later ask for it with Type=notify-reload.
  void SayReloading() const;
  void SayStopping() const;
  // The service works. Without it for watchdog_time(), systemd kills and restarts it.
  void SayAlive() const;
  // WatchdogSec=; 0: nobody waits for SayAlive.
  std::chrono::microseconds watchdog_time() const { return watchdog_time_; }

  // The unix sockets that were handed over and listen, by path. They belong to the caller then.
  std::map<std::string, Fd> TakeSockets();

 private:
  void Send(absl::string_view message) const;

  std::string notify_path_;  // empty: none; a first byte of 0 means an abstract address (unix(7))
  std::chrono::microseconds watchdog_time_{0};
  std::map<std::string, Fd> sockets_;
};

}  // namespace crisp
