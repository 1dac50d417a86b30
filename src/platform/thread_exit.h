// Being told when a thread ends.
#ifndef BARTIZAN_SRC_PLATFORM_THREAD_EXIT_H_
#define BARTIZAN_SRC_PLATFORM_THREAD_EXIT_H_

namespace bartizan::platform {

// Prepares `on_exit` to be called in each thread that called WatchThread, when it ends. Once per
// process. False when the C library has no means left (its 1024 keys are taken).
bool PrepareThreadExit(void (*on_exit)(void*));

// Never allocates if PrepareThreadExit was among the first 32 to take a key, as the allocator is.
void WatchThread();

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_THREAD_EXIT_H_
