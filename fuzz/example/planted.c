#include "fuzz/example/planted.h"

#include <stdlib.h>

/* In a file of its own, so that the parser is instrumented alike in both builds and a fuzzer goes
 * the same ways. */
void on_harm(void) {
  if (STOP_AT_HARM) abort();
}
