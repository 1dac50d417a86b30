/* Handles as a program in C uses them that may run without the library: declared weak, from a
 * constructor on. Handles of other processes name nothing here. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bartizan/handle.h"

#pragma weak bartizan_handle_malloc
#pragma weak bartizan_handle_calloc
#pragma weak bartizan_handle_aligned_alloc
#pragma weak bartizan_handle_resolve
#pragma weak bartizan_handle_free
#pragma weak bartizan_handle_pin
#pragma weak bartizan_handle_unpin
#pragma weak bartizan_handle_status_name

#define EXPECT(condition)                                                      \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

static bartizan_handle early;
static int early_errno;

/* The first handle of the process, perhaps its first allocation. */
__attribute__((constructor)) static void start(void) {
  if (&bartizan_handle_malloc == NULL) return;
  errno = 77;
  if (bartizan_handle_malloc(100, &early) == BARTIZAN_HANDLE_OK) {
    memset(bartizan_handle_resolve(early), 7, 100);
  }
  early_errno = errno;
}

/* The first handle of another process that runs this very program. */
static bartizan_handle ask_another(const char* program) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execl(program, program, "--tell", (char*)NULL);
    _exit(1);
  }
  close(ends[1]);
  char text[32] = "";
  EXPECT(read(ends[0], text, sizeof text - 1) > 0);
  close(ends[0]);
  int status = 0;
  EXPECT(waitpid(child, &status, 0) == child && status == 0);
  return strtoull(text, NULL, 16);
}

static void check_others(const char* program) {
  enum { kProcesses = 10 };
  bartizan_handle others[kProcesses];
  for (int i = 0; i < kProcesses; ++i) {
    void* block = &block;
    others[i] = ask_another(program);
    EXPECT(others[i] != BARTIZAN_NO_HANDLE);
    /* Of the same entry, so that it is the key that makes the difference. */
    EXPECT(others[i] >> 40 == early >> 40 && others[i] != early);
    EXPECT(bartizan_handle_resolve(others[i]) == NULL);
    EXPECT(bartizan_handle_free(others[i]) == BARTIZAN_HANDLE_NOT_LIVE);
    EXPECT(bartizan_handle_pin(others[i], &block) == BARTIZAN_HANDLE_NOT_LIVE && block == NULL);
    for (int j = 0; j < i; ++j) EXPECT(others[i] != others[j]);
  }
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--tell") == 0) {
    printf("%" PRIx64 "\n", early);
    return 0;
  }
  if (&bartizan_handle_malloc == NULL) {
    fputs("skipped: there are no handles\n", stderr);
    return 0;
  }
  EXPECT(early != BARTIZAN_NO_HANDLE && early_errno == 77);
  const char* block = bartizan_handle_resolve(early);
  EXPECT(block != NULL && block[0] == 7 && block[99] == 7);
  check_others(argv[0]);

  bartizan_handle handle;
  void* pinned;
  EXPECT(bartizan_handle_calloc(10, 10, &handle) == BARTIZAN_HANDLE_OK);
  EXPECT(bartizan_handle_pin(handle, &pinned) == BARTIZAN_HANDLE_OK);
  EXPECT(pinned == bartizan_handle_resolve(handle) && memcmp(pinned, "\0\0\0", 4) == 0);
  EXPECT(bartizan_handle_free(handle) == BARTIZAN_HANDLE_OK);
  EXPECT(bartizan_handle_resolve(handle) == NULL);
  bartizan_handle_unpin(handle);
  EXPECT(bartizan_handle_aligned_alloc(4096, 1, &handle) == BARTIZAN_HANDLE_OK);
  EXPECT((uintptr_t)bartizan_handle_resolve(handle) % 4096 == 0);
  EXPECT(bartizan_handle_free(handle) == BARTIZAN_HANDLE_OK);
  const bartizan_handle_status again = bartizan_handle_free(handle);
  EXPECT(strcmp(bartizan_handle_status_name(again), "BARTIZAN_HANDLE_NOT_LIVE") == 0);
  EXPECT(bartizan_handle_free(early) == BARTIZAN_HANDLE_OK);
  return 0;
}
