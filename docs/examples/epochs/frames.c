/* A game with a ring of epochs, one per frame. Each frame draws from what the last one left, frees
 * what is older, and finds in the ring which frame has left something behind.
 *
 *   cc frames.c libbartizan_static.a -lm
 */
#include <bartizan/epoch.h>
#include <stdio.h>
#include <stdlib.h>

enum { kFrames = 60, kSprites = 500, kSlots = 8, kForgetful = 57 };

struct sprite {
  int x;
  int speed;
};

struct frame {
  struct sprite* sprites[kSprites];
};

/* The new frame, all in the epoch that is current in the ring; NULL if there is no memory. */
static struct frame* draw(const bartizan_epoch_ring* ring, const struct frame* last) {
  bartizan_epoch_scope scope;
  if (bartizan_epoch_enter(bartizan_epoch_ring_at(ring, 0), 0, &scope) != BARTIZAN_EPOCH_OK) {
    return NULL;
  }
  struct frame* frame = malloc(sizeof *frame);
  for (int i = 0; frame != NULL && i < kSprites; ++i) {
    struct sprite* sprite = frame->sprites[i] = malloc(sizeof *sprite);
    sprite->speed = i % 7;
    sprite->x = last == NULL ? i : last->sprites[i]->x + sprite->speed;
  }
  bartizan_epoch_leave(&scope);
  return frame;
}

/* `forget`: all sprites but one. */
static struct sprite* end(struct frame* frame, int forget) {
  struct sprite* forgotten = forget ? frame->sprites[0] : NULL;
  for (int i = forget ? 1 : 0; i < kSprites; ++i) free(frame->sprites[i]);
  free(frame);
  return forgotten;
}

/* How many blocks the frame has that was current so many steps ago. */
static int blocks(const bartizan_epoch_ring* ring, uint32_t steps) {
  bartizan_epoch_info info = {.struct_bytes = sizeof info};
  const bartizan_epoch frame = bartizan_epoch_ring_at(ring, steps);
  return bartizan_epoch_get_info(frame, &info) == BARTIZAN_EPOCH_OK ? (int)info.live_blocks : 0;
}

#define EXPECT(what) \
  if (!(what)) {     \
    puts(#what);     \
    return 1;        \
  }

int main(void) {
  bartizan_epoch_ring ring;
  struct frame* last = NULL;
  struct sprite* forgotten = NULL;
  EXPECT(bartizan_epoch_ring_open(&ring, kSlots, "frame") == BARTIZAN_EPOCH_OK);
  for (int n = 0; n < kFrames; ++n) {
    struct frame* frame = draw(&ring, last);
    EXPECT(frame != NULL);
    EXPECT(blocks(&ring, 0) == kSprites + 1);
    if (last != NULL) {
      struct sprite* left = end(last, n - 1 == kForgetful);
      if (left != NULL) forgotten = left;
    }
    last = frame;
    /* This frame's epoch begins to close; its blocks live until the next one has been drawn. */
    EXPECT(bartizan_epoch_ring_advance(&ring) == BARTIZAN_EPOCH_OK);
    EXPECT(blocks(&ring, 0) == 0 && blocks(&ring, 1) == kSprites + 1);
  }

  /* Of the frames that the ring remembers, two still exist: the last one, and another. */
  for (uint32_t steps = 2; steps < kSlots; ++steps) {
    const int left = blocks(&ring, steps);
    if (left != 0) printf("frame %d has left %d block\n", kFrames - (int)steps, left);
    EXPECT(left == (kFrames - (int)steps == kForgetful ? 1 : 0));
  }
  EXPECT(bartizan_epoch_list(NULL, 0) == 3);
  EXPECT(forgotten != NULL && forgotten->x == 0);
  free(forgotten);
  end(last, 0);
  bartizan_epoch_ring_close(&ring);
  EXPECT(bartizan_epoch_list(NULL, 0) == 0);
  return 0;
}
