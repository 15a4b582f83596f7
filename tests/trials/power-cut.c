/*
 * A power cut for one process: preloaded before libc, it keeps beside the folder POWER_CUT_FROM a shadow of it in
 * POWER_CUT_TO that holds only what was made durable, by fsync or fdatasync. Killing the process and putting the shadow
 * in the folder's place is what a power cut leaves in the worst case: nothing that was not synced. Removals are taken
 * as durable at once. With POWER_CUT_DEAF set, syncs of paths that contain it are not heard: to see that a trial fails
 * when the program forgets to sync.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FILES 4096

/* Bytes [low, high) were written since the last sync. */
struct dirty { dev_t device; ino_t inode; off_t low, high; };

static struct dirty files[MAX_FILES];
static int file_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int inside(int fd, char *path) {
  const char *from = getenv("POWER_CUT_FROM");
  char link[64];
  if (from == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strncmp(path, from, strlen(from)) == 0 && strstr(path, "-shm") == NULL && strstr(path, ".lock") == NULL;
}

static void shadow_path(const char *path, char *shadow) {
  snprintf(shadow, PATH_MAX, "%s%s", getenv("POWER_CUT_TO"), path + strlen(getenv("POWER_CUT_FROM")));
}

static struct dirty *find(int fd) {
  struct stat stat;
  if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) return NULL;
  for (int i = 0; i < file_count; i++)
    if (files[i].device == stat.st_dev && files[i].inode == stat.st_ino) return &files[i];
  if (file_count == MAX_FILES) abort();
  files[file_count] = (struct dirty){stat.st_dev, stat.st_ino, 0, 0};
  return &files[file_count++];
}

static void mark(int fd, off_t at, ssize_t bytes) {
  char path[PATH_MAX];
  if (bytes <= 0 || !inside(fd, path)) return;
  pthread_mutex_lock(&lock);
  struct dirty *file = find(fd);
  if (file != NULL) {
    if (file->high == file->low) { file->low = at; file->high = at + bytes; }
    if (at < file->low) file->low = at;
    if (at + bytes > file->high) file->high = at + bytes;
  }
  pthread_mutex_unlock(&lock);
}

static void make_parents(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(path, 0700);
    *slash = '/';
  }
}

static void keep(int fd) {
  static ssize_t (*write_at)(int, const void *, size_t, off_t);
  static char buffer[1 << 16];
  char path[PATH_MAX], shadow[PATH_MAX], link[64];
  const char *deaf = getenv("POWER_CUT_DEAF");
  struct stat stat;
  if (!inside(fd, path) || (deaf != NULL && strstr(path, deaf) != NULL)) return;
  if (write_at == NULL) write_at = dlsym(RTLD_NEXT, "pwrite64");
  pthread_mutex_lock(&lock);
  struct dirty *file = find(fd);
  if (file != NULL && fstat(fd, &stat) == 0 && stat.st_nlink > 0) {
    shadow_path(path, shadow);
    make_parents(shadow);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int source = open(link, O_RDONLY), target = open(shadow, O_WRONLY | O_CREAT, 0600);
    if (source < 0 || target < 0) abort();
    for (off_t at = file->low; at < file->high;) {
      size_t wanted = file->high - at < (off_t)sizeof buffer ? (size_t)(file->high - at) : sizeof buffer;
      ssize_t got = pread(source, buffer, wanted, at);
      if (got <= 0) break;
      write_at(target, buffer, got, at);
      at += got;
    }
    if (ftruncate(target, stat.st_size) != 0) abort();
    close(source);
    close(target);
    file->low = file->high = 0;
  }
  pthread_mutex_unlock(&lock);
}

#define NEXT(type, name, ...) \
  static type (*next)(__VA_ARGS__); \
  if (next == NULL) next = dlsym(RTLD_NEXT, name)

int fsync(int fd) { NEXT(int, "fsync", int); keep(fd); return next(fd); }
int fdatasync(int fd) { NEXT(int, "fdatasync", int); keep(fd); return next(fd); }

ssize_t write(int fd, const void *bytes, size_t count) {
  NEXT(ssize_t, "write", int, const void *, size_t);
  char path[PATH_MAX];
  off_t at = inside(fd, path) ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t written = next(fd, bytes, count);
  mark(fd, at, written);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  ssize_t written = next(fd, bytes, count, at);
  mark(fd, at, written);
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  NEXT(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  ssize_t written = next(fd, parts, count, at);
  mark(fd, at, written);
  return written;
}

int unlink(const char *path) {
  NEXT(int, "unlink", const char *);
  const char *from = getenv("POWER_CUT_FROM");
  char shadow[PATH_MAX];
  int result = next(path);
  if (result == 0 && from != NULL && strncmp(path, from, strlen(from)) == 0) {
    shadow_path(path, shadow);
    next(shadow);
  }
  return result;
}
