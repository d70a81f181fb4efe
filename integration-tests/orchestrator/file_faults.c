// Preloaded into the orchestrator by a test, between LMDB and its data file.
//   FAULT_FILE  two numbers (int32): the errno with which writes fail, and that with which fdatasync does; 0: they work
//   UNDO_FILE   what the data file held before each write that was not synced: whoever puts it back has lost those writes,
//               as a power cut may. Entries of (offset, length, length of the file before), then the bytes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile int32_t* fault;
static int undo = -1;

__attribute__((constructor)) static void open_files(void) {
  const char* path = getenv("FAULT_FILE");
  const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    void* at = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) fault = at;
    close(fd);
  }
  path = getenv("UNDO_FILE");
  if (path) undo = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
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

static void keep(int fd, off_t at, size_t size) {
  if (undo < 0 || (fcntl(fd, F_GETFL) & O_DSYNC)) return;  // such a write is on the disk when it returns
  struct stat st;
  fstat(fd, &st);
  int64_t head[3] = {at, 0, st.st_size};
  char* old = malloc(size + sizeof head);
  const ssize_t n = pread(fd, old + sizeof head, size, at);
  head[1] = n > 0 ? n : 0;
  memcpy(old, head, sizeof head);
  if (write(undo, old, sizeof head + (size_t)head[1]) < 0) abort();
  free(old);
}

static int fails(int which, int fd) {
  if (!fault || fault[which] == 0 || !is_data(fd)) return 0;
  errno = fault[which];
  return 1;
}

static ssize_t write_one(const char* name, int fd, const void* bytes, size_t size, off_t at) {
  ssize_t (*real)(int, const void*, size_t, off_t) = (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, name);
  if (fails(0, fd)) return -1;
  if (is_data(fd)) keep(fd, at, size);
  return real(fd, bytes, size, at);
}

static ssize_t write_many(const char* name, int fd, const struct iovec* parts, int count, off_t at) {
  ssize_t (*real)(int, const struct iovec*, int, off_t) = (ssize_t(*)(int, const struct iovec*, int, off_t))dlsym(RTLD_NEXT, name);
  if (fails(0, fd)) return -1;
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  if (is_data(fd)) keep(fd, at, size);
  return real(fd, parts, count, at);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) { return write_one("pwrite", fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) { return write_one("pwrite64", fd, bytes, size, at); }
ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) { return write_many("pwritev", fd, parts, count, at); }
ssize_t pwritev64(int fd, const struct iovec* parts, int count, off_t at) { return write_many("pwritev64", fd, parts, count, at); }

ssize_t writev(int fd, const struct iovec* parts, int count) {
  ssize_t (*real)(int, const struct iovec*, int) = (ssize_t(*)(int, const struct iovec*, int))dlsym(RTLD_NEXT, "writev");
  if (!is_data(fd)) return real(fd, parts, count);
  if (fails(0, fd)) return -1;
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  keep(fd, lseek(fd, 0, SEEK_CUR), size);
  return real(fd, parts, count);
}

int fdatasync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (fails(1, fd)) return -1;
  const int rc = real(fd);
  if (rc == 0 && undo >= 0 && is_data(fd) && ftruncate(undo, 0) != 0) abort();
  return rc;
}
