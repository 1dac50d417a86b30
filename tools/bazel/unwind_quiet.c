/* What LLVM's unwinder asks of the C library and the loader when it only reads tables for us: it
 * may neither print, nor allocate, nor wait. Which modules there are (dl_iterate_phdr) and what
 * happens instead of abort() is said where it is used: src/platform/frame_rules.cc. */
#include <stddef.h>

void bartizan_unwind_abort(void);

void* bartizan_unwind_stderr = NULL;

void bartizan_unwind_assert_fail(void) { bartizan_unwind_abort(); }
void bartizan_unwind_libunwind_Registers_x86_64_jumpto(void) { bartizan_unwind_abort(); }

int bartizan_unwind_dladdr(const void* address, void* found) {
  (void)address;
  (void)found;
  return 0;
}
void* bartizan_unwind_dlsym(void* handle, const char* name) {
  (void)handle;
  (void)name;
  return NULL;
}

int bartizan_unwind_fflush(void* stream) {
  (void)stream;
  return 0;
}
int bartizan_unwind_fprintf(void* stream, const char* format, ...) {
  (void)stream;
  (void)format;
  return 0;
}
size_t bartizan_unwind_fwrite(const void* from, size_t bytes, size_t count, void* stream) {
  (void)from;
  (void)bytes;
  (void)stream;
  return count;
}
int bartizan_unwind_snprintf(char* to, size_t bytes, const char* format, ...) {
  (void)format;
  if (bytes != 0) *to = '\0';
  return 0;
}
char* bartizan_unwind_getenv(const char* name) {
  (void)name;
  return NULL;
}

void* bartizan_unwind_malloc(size_t bytes) {
  (void)bytes;
  return NULL;
}
void bartizan_unwind_free(void* block) { (void)block; }

/* Its callers have a lock of their own. */
int bartizan_unwind_pthread_rwlock_rdlock(void* lock) {
  (void)lock;
  return 0;
}
int bartizan_unwind_pthread_rwlock_wrlock(void* lock) {
  (void)lock;
  return 0;
}
int bartizan_unwind_pthread_rwlock_unlock(void* lock) {
  (void)lock;
  return 0;
}
