/*
 * Stands between a program and its disk (LD_PRELOAD), for files below the directory $CUT_WATCH.
 *
 * A power cut: after every successful fsync or fdatasync of such a file, its content is copied below $CUT_KEEP. When the
 * program is then killed, that directory is what a disk would hold which keeps exactly what was synced and nothing else.
 * It is a model: no torn sectors, a file that is removed is gone at once, and one that is renamed is not followed.
 *
 * A disk that refuses: while the file $CUT_FAIL exists, writing fails with the error whose number it holds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* The path below $CUT_WATCH, or NULL. */
static const char *watched(int fd, char *path, size_t size) {
  const char *watch = getenv("CUT_WATCH");
  char link[64];
  if (!watch) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) return NULL;
  path[length] = 0;
  size_t prefix = strlen(watch);
  if (strncmp(path, watch, prefix) != 0 || path[prefix] != '/') return NULL;
  return path + prefix + 1;
}

static void keep(int fd) {
  const char *directory = getenv("CUT_KEEP");
  char path[4096], draft[8300], kept[8300];
  static char piece[1 << 20];
  struct stat about;
  const char *name = directory ? watched(fd, path, sizeof path) : NULL;
  if (!name || strchr(name, '/') || fstat(fd, &about) || !S_ISREG(about.st_mode)) return;
  pthread_mutex_lock(&one_at_a_time);
  snprintf(draft, sizeof draft, "%s/%s.draft", directory, name);
  snprintf(kept, sizeof kept, "%s/%s", directory, name);
  int from = open(path, O_RDONLY), to = open(draft, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  ssize_t length;
  while ((length = read(from, piece, sizeof piece)) > 0)
    if (write(to, piece, length) != length) abort();
  close(from);
  close(to);
  if (rename(draft, kept)) abort();
  pthread_mutex_unlock(&one_at_a_time);
}

#define SYNC(name)                                      \
  int name(int fd) {                                    \
    static int (*real)(int);                            \
    if (!real) real = dlsym(RTLD_NEXT, #name);          \
    int result = real(fd);                              \
    if (result == 0) keep(fd);                          \
    return result;                                      \
  }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
  static int (*real)(const char *);
  const char *directory = getenv("CUT_KEEP"), *watch = getenv("CUT_WATCH");
  char kept[8300];
  if (!real) real = dlsym(RTLD_NEXT, "unlink");
  if (directory && watch && strncmp(path, watch, strlen(watch)) == 0 && path[strlen(watch)] == '/') {
    snprintf(kept, sizeof kept, "%s%s", directory, path + strlen(watch));
    real(kept);
  }
  return real(path);
}

static int refused(int fd) {
  const char *fail = getenv("CUT_FAIL");
  char path[4096], text[16] = "";
  if (!fail || access(fail, F_OK) != 0 || !watched(fd, path, sizeof path)) return 0;
  int file = open(fail, O_RDONLY);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  return length > 0 ? atoi(text) : 0;
}

#define PWRITE(name)                                                    \
  ssize_t name(int fd, const void *bytes, size_t count, off_t at) {     \
    static ssize_t (*real)(int, const void *, size_t, off_t);           \
    if (!real) real = dlsym(RTLD_NEXT, #name);                          \
    int why = refused(fd);                                              \
    if (why) {                                                          \
      errno = why;                                                      \
      return -1;                                                        \
    }                                                                   \
    return real(fd, bytes, count, at);                                  \
  }
PWRITE(pwrite)
PWRITE(pwrite64)
