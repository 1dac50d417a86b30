#include "src/platform/thread_exit.h"

#include <pthread.h>

// Before glibc 2.34 these live in libpthread, which a program without threads does not load: weak,
// and of the version that both have.
#if defined(__x86_64__) && defined(__GLIBC__)
extern "C" {
[[gnu::weak]] int bartizan_key_create(pthread_key_t*, void (*)(void*));
[[gnu::weak]] int bartizan_setspecific(pthread_key_t, const void*);
}
asm(".symver bartizan_key_create, pthread_key_create@GLIBC_2.2.5");
asm(".symver bartizan_setspecific, pthread_setspecific@GLIBC_2.2.5");
#else
#define bartizan_key_create pthread_key_create
#define bartizan_setspecific pthread_setspecific
#endif

namespace bartizan::platform {
namespace {

constinit pthread_key_t g_key = 0;

}  // namespace

bool PrepareThreadExit(void (*on_exit)(void*)) {
  // Without libpthread there is one thread, and nothing to be told.
  if (&bartizan_key_create == nullptr) return true;
  return bartizan_key_create(&g_key, on_exit) == 0;
}

void WatchThread() {
  // Any value but nullptr asks for the call.
  if (&bartizan_setspecific != nullptr) bartizan_setspecific(g_key, &g_key);
}

}  // namespace bartizan::platform
