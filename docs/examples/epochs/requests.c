/* A server with one epoch per request. What a request allocates is never freed piece by piece, not
 * even where it fails half way: the epoch is released when the request has been answered.
 *
 *   cc requests.c libbartizan_static.a -lm
 */
#include <bartizan/epoch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parameter {
  char* name;
  char* value;
  struct parameter* next;
};

/* How often each page was asked for. This outlives the requests, so it has an epoch of its own. */
struct page {
  char name[24];
  int hits;
  struct page* next;
};

static struct page* pages;
static bartizan_epoch server;

static struct page* page_of(const char* name) {
  struct page* page = pages;
  while (page != NULL && strcmp(page->name, name) != 0) page = page->next;
  if (page != NULL) return page;
  /* The thread is in the request's epoch. */
  page = bartizan_epoch_calloc(server, 1, sizeof *page, NULL);
  if (page == NULL) return NULL;
  snprintf(page->name, sizeof page->name, "%s", name);
  page->next = pages;
  return pages = page;
}

/* "name=value&name=value". NULL for what is no such text: nothing is freed then. */
static struct parameter* parse(char* text) {
  struct parameter* all = NULL;
  for (char* part = strtok(text, "&"); part != NULL; part = strtok(NULL, "&")) {
    struct parameter* parameter = malloc(sizeof *parameter);
    char* equals = strchr(part, '=');
    if (parameter == NULL || equals == NULL) return NULL;
    *equals = '\0';
    parameter->name = strdup(part);
    parameter->value = strdup(equals + 1);
    parameter->next = all;
    all = parameter;
  }
  return all;
}

/* The number of parameters, or -1. */
static int answer(const char* line) {
  char* copy = strdup(line);
  char* query = strchr(copy, '?');
  int count = 0;
  if (query == NULL) return -1;
  *query = '\0';
  struct page* page = page_of(copy);
  if (page == NULL) return -1;
  page->hits++;
  struct parameter* all = parse(query + 1);
  if (all == NULL) return -1;
  char* body = calloc(1, 300000);
  for (struct parameter* each = all; each != NULL; each = each->next) {
    strcat(strcat(strcat(body, each->name), " is "), each->value);
    count++;
  }
  return count;
}

/* Whether the request was answered with `count`, and left nothing. Nothing is printed inside of the
 * scope: stdout's buffer would be the request's. */
static int serve(const char* line, int count) {
  bartizan_epoch request;
  bartizan_epoch_scope scope;
  bartizan_epoch_info info = {.struct_bytes = sizeof info};
  bartizan_epoch_given_back given;
  if (bartizan_epoch_open("request", &request) != BARTIZAN_EPOCH_OK) return 0;
  if (bartizan_epoch_enter(request, 0, &scope) != BARTIZAN_EPOCH_OK) return 0;
  const int answered = answer(line);
  bartizan_epoch_leave(&scope);
  if (bartizan_epoch_get_info(request, &info) != BARTIZAN_EPOCH_OK) return 0;
  if (bartizan_epoch_release(request, &given) != BARTIZAN_EPOCH_OK) return 0;
  printf("%s: %d, from %d blocks\n", line, answered, (int)info.live_blocks);
  return answered == count && info.live_blocks > 0 && given.live_blocks == 0 &&
         given.committed_after == 0 &&
         bartizan_epoch_get_info(request, &info) == BARTIZAN_EPOCH_STALE;
}

#define EXPECT(what) \
  if (!(what)) {     \
    puts(#what);     \
    return 1;        \
  }

int main(void) {
  EXPECT(bartizan_epoch_open("server", &server) == BARTIZAN_EPOCH_OK);
  for (int i = 0; i < 100; ++i) {
    EXPECT(serve("/map?from=a&to=b&by=train", 3));
    EXPECT(serve("/map?from=a&broken", -1));
    EXPECT(serve("/help?topic=maps", 1));
    EXPECT(serve("nonsense", -1));
  }
  EXPECT(bartizan_epoch_list(NULL, 0) == 1);
  EXPECT(page_of("/map")->hits == 200 && page_of("/help")->hits == 100);
  EXPECT(bartizan_epoch_release(server, NULL) == BARTIZAN_EPOCH_OK);
  return 0;
}
