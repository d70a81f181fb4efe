// Preloaded into the orchestrator by a test: ends the process by SIGKILL at the nth passage of a named point of a commit.
// The file named by CRASH_POINT_FILE holds "<point> <n>". Points, in the order in which a commit meets them:
//   before_sync   the records are written, fdatasync has not been called
//   before_meta   the records are on the disk, the commit does not count yet
//   after_meta    the commit counts, nobody has been answered
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char point[32];
static int left;

__attribute__((constructor)) static void read_point(void) {
  const char* path = getenv("CRASH_POINT_FILE");
  FILE* file = path ? fopen(path, "r") : NULL;
  if (!file) return;
  if (fscanf(file, "%31s %d", point, &left) != 2) left = 0;
  fclose(file);
}

static int is_data(int fd) {
  char link[64], target[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, target, sizeof target - 1);
  if (n < 0) return 0;
  target[n] = 0;
  const char* name = strrchr(target, '/');
  return name && strcmp(name, "/data.mdb") == 0;
}

static void pass(const char* here, int fd) {
  if (left <= 0 || strcmp(point, here) != 0 || !is_data(fd)) return;
  if (__sync_sub_and_fetch(&left, 1) == 0) kill(getpid(), SIGKILL);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  pass("before_sync", fd);
  return real(fd);
}

static ssize_t write_at(const char* name, int fd, const void* bytes, size_t size, off_t at) {
  ssize_t (*real)(int, const void*, size_t, off_t) = (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, name);
  const int meta = at < 8192;  // LMDB's two first pages: writing one of them is the commit
  if (meta) pass("before_meta", fd);
  const ssize_t done = real(fd, bytes, size, at);
  if (meta) pass("after_meta", fd);
  return done;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) { return write_at("pwrite", fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) { return write_at("pwrite64", fd, bytes, size, at); }
