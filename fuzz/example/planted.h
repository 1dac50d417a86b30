/* Which bug this build of the parser has. A real program has none of this: it has bugs that nobody
 * knows of. */
#ifndef BARTIZAN_FUZZ_EXAMPLE_PLANTED_H_
#define BARTIZAN_FUZZ_EXAMPLE_PLANTED_H_

#include <stdbool.h>

/* The names are those of `bartizan fuzz --example`. */
enum planted_bug {
  no_bug,
  overflow_one,
  overflow_many,
  underflow,
  off_by_null,
  use_after_free_write,
  use_after_free_read,
  double_free,
  invalid_free,
  realloc_confusion,
  uninitialised_read,
  overread,
  leak,
};

/* Called where a planted bug is about to do its harm. In a build with -DSTOP_AT_HARM=true it ends
 * the process: that tells when a fuzzer has got there, whether or not anything is noticed. */
void on_harm(void);

/* True where the bug is about to do its harm: the build has it (-DPLANTED=overflow_one), and the
 * input asks for it. */
static inline bool harms(enum planted_bug bug, bool asked) {
  if (bug != PLANTED || !asked) return false;
  on_harm();
  return true;
}

#endif /* BARTIZAN_FUZZ_EXAMPLE_PLANTED_H_ */
