// The program of the image that critest's specs about no_new_privs run, set-uid root there: it tells as whom it runs.
#include <unistd.h>

#include <cstdio>

int main() {
  return printf("Effective uid: %d\n", static_cast<int>(geteuid())) > 0 ? 0 : 1;
}
