/* Sessions of a server whose clients keep the name of theirs: a cookie. What a client sends back
 * may be old, altered or made up; none of that reaches memory.
 *
 *   cc sessions.c libbartizan_static.a -lm
 */
#include <bartizan/handle.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
  char user[24];
  int requests;
};

/* The cookie for a new session; an empty text if there is no memory. */
static void log_in(const char* user, char cookie[17]) {
  bartizan_handle handle;
  cookie[0] = '\0';
  if (bartizan_handle_calloc(1, sizeof(struct session), &handle) != BARTIZAN_HANDLE_OK) return;
  struct session* session = bartizan_handle_resolve(handle);
  snprintf(session->user, sizeof session->user, "%s", user);
  snprintf(cookie, 17, "%016" PRIx64, handle);
}

static bartizan_handle read_cookie(const char* cookie) { return strtoull(cookie, NULL, 16); }

/* Whether there is such a session. */
static int request(const char* cookie) {
  struct session* session = bartizan_handle_resolve(read_cookie(cookie));
  if (session == NULL) {
    puts("no such session");
    return 0;
  }
  printf("request %d of %s\n", ++session->requests, session->user);
  return 1;
}

static int log_out(const char* cookie) {
  return bartizan_handle_free(read_cookie(cookie)) == BARTIZAN_HANDLE_OK;
}

#define EXPECT(what) \
  if (!(what)) {     \
    puts(#what);     \
    return 1;        \
  }

int main(void) {
  char ann[17];
  char bob[17];
  char forged[17];
  log_in("ann", ann);
  log_in("bob", bob);
  EXPECT(request(ann) && request(ann) && request(bob));

  /* Bob alters a digit of his cookie. */
  strcpy(forged, bob);
  forged[15] = forged[15] == '0' ? '1' : '0';
  EXPECT(!request(forged) && !log_out(forged));

  /* Ann logs out, twice; another session takes the same memory sooner or later. */
  EXPECT(log_out(ann) && !log_out(ann) && !request(ann));
  for (int i = 0; i < 1000; ++i) {
    char other[17];
    log_in("eve", other);
    EXPECT(!request(ann));
    EXPECT(log_out(other));
  }
  EXPECT(request(bob) && log_out(bob));
  return 0;
}
