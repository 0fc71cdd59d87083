// NoThreads: while it lives, no thread can be started in this process: each would get a stack that is larger than the
// address space. Threads that are there go on.
#pragma once

#include <pthread.h>

namespace crisp {

class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t attr;
    pthread_getattr_default_np(&attr);
    pthread_attr_setstacksize(&attr, size_t{1} << 52);
    pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace crisp
