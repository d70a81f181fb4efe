// Preloaded into the orchestrator by a test: moves its wall clock by the nanoseconds in the file that CLOCK_SHIFT_FILE names
// (eight bytes, this machine's order), which the test may write at any time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t* shift;
static int (*real)(clockid_t, struct timespec*);

__attribute__((constructor)) static void map_file(void) {
  const char* path = getenv("CLOCK_SHIFT_FILE");
  const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* at = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) shift = at;
  close(fd);
}

int clock_gettime(clockid_t clock, struct timespec* out) {
  if (!real) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int rc = real(clock, out);
  if (rc != 0 || clock != CLOCK_REALTIME || !shift) return rc;
  const int64_t nanos = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec + *shift;
  out->tv_sec = nanos / 1000000000;
  out->tv_nsec = nanos % 1000000000;
  return rc;
}
