/*
 * Stands between a program and its disk (LD_PRELOAD), for files below the directory $CUT_WATCH.
 *
 * A power cut: after every successful fsync or fdatasync of such a file, its content is copied below $CUT_KEEP. When the
 * program is then killed, that directory is what a disk would hold which keeps exactly what was synced and nothing else.
 * A file that was renamed has its new name there once the directory itself was synced. It is a model: no torn sectors, no
 * directories in the directory, and a file that is removed is gone at once.
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

#define RENAMES_MAX 16

/* Renamed in $CUT_WATCH since it was last synced: from and to. */
static char renamed[RENAMES_MAX][2][256];
static int renames = 0;

static int rename_really(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (!real) real = dlsym(RTLD_NEXT, "rename");
  return real(from, to);
}

/* The name of a file directly in $CUT_WATCH, or NULL. */
static const char *name_of(const char *path) {
  const char *watch = getenv("CUT_WATCH");
  size_t prefix = watch ? strlen(watch) : 0;
  if (!watch || strncmp(path, watch, prefix) != 0 || path[prefix] != '/') return NULL;
  return strchr(path + prefix + 1, '/') ? NULL : path + prefix + 1;
}

int rename(const char *from, const char *to) {
  const char *old_name = name_of(from), *new_name = name_of(to);
  int result = rename_really(from, to);
  if (result || !old_name || !new_name) return result;
  pthread_mutex_lock(&one_at_a_time);
  if (renames == RENAMES_MAX) abort();
  snprintf(renamed[renames][0], sizeof renamed[0][0], "%s", old_name);
  snprintf(renamed[renames][1], sizeof renamed[0][1], "%s", new_name);
  renames++;
  pthread_mutex_unlock(&one_at_a_time);
  return result;
}

/* $CUT_WATCH itself was synced. */
static void keep_names(const char *directory) {
  char from[4400], to[4400];
  pthread_mutex_lock(&one_at_a_time);
  for (int i = 0; i < renames; i++) {
    snprintf(from, sizeof from, "%s/%s", directory, renamed[i][0]);
    snprintf(to, sizeof to, "%s/%s", directory, renamed[i][1]);
    rename_really(from, to); /* Of a file that was never synced nothing is there. */
  }
  renames = 0;
  pthread_mutex_unlock(&one_at_a_time);
}

/* The path below $CUT_WATCH, or NULL. An empty one is $CUT_WATCH. */
static const char *watched(int fd, char *path, size_t size) {
  const char *watch = getenv("CUT_WATCH");
  char link[64];
  if (!watch) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) return NULL;
  path[length] = 0;
  size_t prefix = strlen(watch);
  if (strncmp(path, watch, prefix) != 0) return NULL;
  if (path[prefix] == 0) return path + prefix;
  return path[prefix] == '/' ? path + prefix + 1 : NULL;
}

static void keep(int fd) {
  const char *directory = getenv("CUT_KEEP");
  char path[4096], draft[8300], kept[8300];
  static char piece[1 << 20];
  struct stat about;
  const char *name = directory ? watched(fd, path, sizeof path) : NULL;
  if (name && !*name) return keep_names(directory);
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
  if (rename_really(draft, kept)) abort();
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
