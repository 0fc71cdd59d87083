// SqliteWrites: control over SQLite's writes to files in this process, for tests of what a slow or failing disk does.
// SQLite writes a transaction to its write-ahead log when it commits, so a held write is a commit that takes its time.
//
// One object at a time, made before the databases that it is to affect are used and destroyed after the threads that
// use them have ended. Its methods may be called from any thread.
#pragma once

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>

#include "base/mutex.h"

namespace crisp {

class SqliteWrites {
 public:
  SqliteWrites() {
    Instance() = this;
    sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
    // These are the calls of a SQLite with pread64, as Debian builds it.
    if (vfs->xSetSystemCall(vfs, "pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(&Write)) != SQLITE_OK) std::abort();
  }
  ~SqliteWrites() {
    Release();
    sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
    vfs->xSetSystemCall(vfs, "pwrite64", nullptr);  // back to the default
    Instance() = nullptr;
  }
  SqliteWrites(const SqliteWrites&) = delete;
  SqliteWrites& operator=(const SqliteWrites&) = delete;

  // From now on writes wait until Release.
  void Hold() { Set(true, 0); }
  // From now on writes fail with this errno.
  void Fail(int error) { Set(false, error); }
  void Release() { Set(false, 0); }
  // Returns once a write waits.
  void AwaitHeld() {
    MutexLock lock(mutex_);
    while (held_ == 0) changed_.Wait(mutex_);
  }

 private:
  static SqliteWrites*& Instance() {
    static SqliteWrites* instance = nullptr;
    return instance;
  }

  static ssize_t Write(int fd, const void* bytes, size_t size, off_t offset) {
    if (const int error = Instance()->Admit(); error != 0) {
      errno = error;
      return -1;
    }
    return pwrite(fd, bytes, size, offset);
  }

  int Admit() {
    MutexLock lock(mutex_);
    ++held_;
    changed_.NotifyAll();
    while (holding_) changed_.Wait(mutex_);
    --held_;
    return error_;
  }

  void Set(bool holding, int error) {
    MutexLock lock(mutex_);
    holding_ = holding;
    error_ = error;
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  int error_ ABSL_GUARDED_BY(mutex_) = 0;
  int held_ ABSL_GUARDED_BY(mutex_) = 0;  // writes that wait
};

}  // namespace crisp
