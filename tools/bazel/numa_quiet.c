/* What libnuma needs inside a shared library that is preloaded into programs which know nothing of
 * it. It would print a warning wherever /sys is not mounted; here it is silent, and whoever asks
 * learns from the results. */
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Stands in for stderr, which libnuma's code reaches in a way that a shared library cannot
 * (shareable_archive.py). Only the original numa_warn reads it, and that is replaced below. */
void* bartizan_numa_stderr = NULL;

/* libnuma defines both weakly, for programs to replace. */
void numa_warn(int number, char* format, ...) {
  (void)number;
  (void)format;
}

void numa_error(char* where) { (void)where; }

/* libnuma's reference to stat is renamed to this: the C library's stat is newer than the oldest C
 * library supported. */
int bartizan_numa_stat(const char* path, struct stat* result) {
  return (int)syscall(SYS_newfstatat, -100 /* AT_FDCWD */, path, result, 0);
}
